"""What a result reads of other stages' records: a student's, and the speed measured of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.systems.tagging.timed import BASELINE, MERGED, UNMERGED

KEPT = ("weights", "start", "teachers", "data", "clips", "device", "processes", "labels", "provenance")


@dataclass(frozen=True)
class Trained:
    """What a result says of a student.

    ``loss`` it was trained with; ``epoch`` whose weights it has, None where epochs were averaged;
    ``validation`` of those weights by the metric that chose them; ``clamped_layers`` while training.
    """

    loss: str
    epoch: int | None
    clamped_layers: list[int]
    validation: float
    provenance: Json

    @classmethod
    def read(cls, path: Path) -> Trained:
        """Read a student's record; raises UserError if it is none."""
        record = _read(path, "student")
        try:
            validation = record["validation"]
            return cls(
                record["loss"],
                record["epoch"],
                record["clamped_layers"],
                validation[validation["metric"]],
                {key: record[key] for key in KEPT},
            )
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{path} is no record of a student ({error}); delete it to train it again"
            ) from None


def speed(path: Path) -> Json:
    """Return a speed record's part of a result; raises UserError if it is none."""
    record = _read(path, "speed")
    try:
        return {
            "record": str(path),
            **{name: record[name] for name in ("device", "dtype", "threads", "feature_s")},
            "batches": [
                {"batch": entry["batch"], **{name: entry[name] for name in (UNMERGED, MERGED, BASELINE)}}
                for entry in record["batches"]
            ],
        }
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no speed record ({error}); delete it to measure it again") from None


def _read(path: Path, what: str) -> Json:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is no {what} record ({error}); delete it to make it again") from None
