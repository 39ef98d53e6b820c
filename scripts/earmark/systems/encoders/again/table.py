"""How the table of an encoder's scores is asked for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.reproduction.request import Request
from earmark.systems.encoders.again.score import asked_again

SCHEMA = "encoder_table"


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another run must give again."""
    kept = ("labels", "asked", "counts", "headline", "metrics", "not_computed", "data_sets")
    return {key: record[key] for key in kept}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return the trained models behind the scores."""
    return {"checkpoint": made.get("checkpoint")}


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run."""
    asked = record["asked"]
    return asked_again(record, f"results/encoders/{asked['model']}/{asked['suite']}/scores.json")
