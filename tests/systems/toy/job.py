"""Toss a coin; from settings to a record."""

from __future__ import annotations

import sys
from pathlib import Path

from earmark.core import provenance
from earmark.core.given import given
from earmark.core.seeding import generator
from earmark.scoring import record as result
from earmark.scoring.intervals import share


def main(settings: str, output: str, code: str, again: str) -> None:
    """Write the record of one toss."""
    asked = given(settings)
    heads = int(generator(asked["seed"], asked["coin"]).integers(2, size=asked["times"]).sum())
    record = {
        "schema": "earmark/toss/1",
        "labels": ["synthetic"],
        "asked": {"task": "coins", "model": "chance", **asked},
        "counts": {"total": asked["times"], "scored": asked["times"], "failed": 0},
        "headline": "heads",
        "metrics": {"heads": share([number < heads for number in range(asked["times"])])},
        "failures": [],
        "provenance": provenance.repeatable(provenance.record(code) | {"config": asked}, again),
    }
    result.write(result.checked(record, "toss"), Path(output))
    print(result.one_line(record, record["headline"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
