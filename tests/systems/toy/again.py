"""How a toss is made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.reproduction.request import Request

SCHEMA = "toss"


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what must be the same."""
    return {key: record[key] for key in ("asked", "counts", "metrics")}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return no checksum: there are no inputs."""
    return {}


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run."""
    used = record["provenance"]["config"]
    toss = {name: used[name] for name in ("coin", "times")}
    config = {"seed": used["seed"], "default_model": "demo", "toy": [toss]}
    return Request(config, {}, f"results/toy/{toss['coin']}_{toss['times']}.json")
