"""How a probe of embeddings is asked for again: data, weights and every layer included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.reproduction import parts
from earmark.reproduction.request import Request

SCHEMA = "probe"


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another run must give again: all but how it came about."""
    return {key: value for key, value in record.items() if key != "provenance"}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return the checksums of what went in."""
    return {
        "checkpoint": made["model"].get("digest"),
        "clips": made["data"].get("clips_sha256"),
        "embeddings": made["data"].get("states_sha256"),
    }


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run, as for other results; raises UserError for a record of an older version."""
    made = record["provenance"]
    used, upstream = made.get("config", {}), parts.upstream(made)
    task, chosen = used["dataset"], used["model"]
    model = upstream["model"] | parts.weights(upstream["weights"], made["model"].get("origin", {}), workdir)
    data = parts.data(upstream["data"], made["data"].get("origins", []), workdir)
    config = {
        "seed": used["seed"],
        "device": upstream["device"],
        "default_model": chosen,
        "features": upstream["features"],
        "embeddings": [upstream["block"] | {"model": chosen, "tasks": [task]}],
    }
    tasks = {task: {"title": task, "metric": upstream["metric"], "data": data}}
    sections = {"tasks": tasks, "models": {chosen: model}}
    return Request(config, sections, f"results/embeddings/{chosen}/{task}.json")
