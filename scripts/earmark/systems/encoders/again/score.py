"""How an encoder's result on a data set is asked for again: shards, weights and training included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.reproduction.request import DEFAULT_MODEL, Request

SCHEMA = "encoder_score"


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another run must give again: all but times and how it came about."""
    kept = ("labels", "asked", "counts", "headline", "metrics", "not_computed", "failures")
    return {key: record[key] for key in kept}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return what went in: the trained model and the encoder that made the features."""
    return {"checkpoint": made.get("checkpoint"), "encoders": made.get("encoders")}


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run; relative paths of data and code are those of the folder it was run in."""
    asked = record["asked"]
    return asked_again(record, f"results/encoders/{asked['model']}/{asked['suite']}/{asked['task']}.json")


def asked_again(record: dict[str, Any], target: str) -> Request:
    """Return what makes a target of a record's encoder and suite."""
    asked, behind = record["asked"], record["provenance"]["upstream"]
    config = {
        "seed": asked["seed"],
        "device": behind["device"],
        "default_model": DEFAULT_MODEL,
        "scoring": {"grid": [], "bootstrap": behind["bootstrap"]},
    }
    sections = {
        "encoders": {asked["model"]: behind["encoder"]},
        "suites": {asked["suite"]: behind["suite"]},
        "models": behind["models"],
    }
    return Request(config, sections, target)
