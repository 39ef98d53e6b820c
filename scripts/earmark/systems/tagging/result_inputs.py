"""What a result reads of other stages' records: a student's, and the speed measured of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError

KEPT = ("weights", "start", "teachers", "data", "clips", "device", "processes")
SIDES = ("unmerged", "merged", "strides_16")


def student(path: Path) -> dict[str, Any]:
    """Return what a result says of a student, from its record; raises UserError if it is none.

    ``loss`` it was trained with; ``epoch`` whose weights it has, None where epochs were averaged;
    ``validation`` of those weights by the metric that chose them; ``clamped_layers`` while training.
    """
    record = _read(path, "student")
    try:
        return _student(record)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no record of a student ({error}); delete it to train it again") from None


def _student(record: dict[str, Any]) -> dict[str, Any]:
    validation = record["validation"]
    return {
        **{key: record[key] for key in ("loss", "epoch", "clamped_layers")},
        "validation": validation[validation["metric"]],
        "provenance": {
            **{key: record[key] for key in KEPT},
            "labels": record["labels"],
            "provenance": record["provenance"],
        },
    }


def speed(path: Path) -> dict[str, Any]:
    """Return a speed record's part of a result; raises UserError if it is none."""
    record = _read(path, "speed")
    try:
        return {
            "record": str(path),
            **{name: record[name] for name in ("device", "dtype", "threads", "feature_s")},
            "batches": [
                {"batch": entry["batch"], **{name: entry[name] for name in SIDES}}
                for entry in record["batches"]
            ],
        }
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no speed record ({error}); delete it to measure it again") from None


def _read(path: Path, what: str) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is no {what} record ({error}); delete it to make it again") from None
