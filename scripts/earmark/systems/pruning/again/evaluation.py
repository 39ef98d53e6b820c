"""How a pruned evaluation is asked for again: from its record to the files of a workflow's configuration."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from earmark.config.ratio import budget, spelled
from earmark.reproduction import parts
from earmark.reproduction.request import Request

SCHEMA = "result"
COMPARED = ("asked", "reduction", "counts", "metrics", "per_class", "per_group", "failures")
UNCOMPARED_OF_ROWS = ("seconds", "batch_rows", "cache_bytes")
"""What of a sample's row belongs to the machine: time, and how many rows memory took at once."""


def name(row: dict[str, Any]) -> str:
    """Return what tells a row from all others."""
    return str(row["clip_id"])


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another run must give again; the rest says how and where it ran."""
    return {key: record[key] for key in COMPARED}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return the checksums of what went in."""
    return {
        "checkpoint": made["model"].get("digest"),
        "clips": made["data"].get("clips_sha256"),
        "encoder states": made["data"].get("states_sha256"),
    }


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run; local folders are looked for below ``workdir`` unless they are absolute.

    Revisions of the hub are set to the commits that were used.

    Raises:
        UserError: the record is of a version that did not say what its inputs were made from, or its ratio
            is none.

    """
    made = record["provenance"]
    used, upstream = made["config"], parts.upstream(made)
    task, model, method, run = (copy.deepcopy(used[part]) for part in ("task", "model", "method", "run"))
    scoring = copy.deepcopy(used["scoring"])
    for key in ("answers", "balanced_by"):  # the metric's, not the task's
        del task[key]
    task, run = task | scoring["task"], run | scoring["run"]
    name, chosen, profile = task.pop("name"), model.pop("name"), task.pop("profile")
    task["data"] = parts.data(upstream["data"], made["data"].get("origins", []), workdir)
    if profile != "default":
        # The wording that the profile led to stands in the task itself; its name must stay known.
        task["profiles"] = {profile: {}}
    model |= parts.weights(upstream["weights"], made["model"]["origin"], workdir)
    model["labels"] = [label for label in scoring["labels"] if label != "synthetic"]
    tasks, models = parts.companions(upstream["weights"], made["model"].get("parts", {}), workdir)
    task = tasks.get(name, {}) | task
    keep, tokens = method["keep_ratio"], method["keep_tokens"]
    ratio = f"{tokens}t" if keep is None else spelled(keep) if isinstance(keep, int | float) else str(keep)
    budget(ratio)  # the record may be anybody's, and a file is named by it
    config = {
        "seed": run.pop("seed"),
        "device": run.pop("device"),
        "default_model": chosen,
        "profile": profile,
        "methods": parts.methods([method]),
        "features": upstream["features"],
        "evaluate": run,
    }
    target = f"results/{name}_{method['name']}_{ratio}.json"
    return Request(config, {"tasks": tasks | {name: task}, "models": models | {chosen: model}}, target)
