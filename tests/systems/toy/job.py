"""Toss a coin; from settings to a record."""

from __future__ import annotations

import sys
from pathlib import Path

from earmark.core import provenance
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.core.seeding import generator
from earmark.scoring.intervals import wilson


def main(settings: str, output: str, code: str) -> None:
    """Write the record of one toss."""
    asked = given(settings)
    heads = int(generator(asked["seed"], asked["coin"]).integers(2, size=asked["times"]).sum())
    low, high = wilson(heads, asked["times"])
    value = {"value": heads / asked["times"], "low": low, "high": high, "interval": "wilson"}
    record = {
        "schema": "earmark/toss/1",
        "labels": ["synthetic"],
        "asked": {"task": "coins", "model": "chance", **asked},
        "counts": {"total": asked["times"], "scored": asked["times"], "failed": 0},
        "metrics": {"heads": value | {"n": asked["times"]}},
        "provenance": provenance.record(code) | {"config": asked},
    }
    write_json(Path(output), record)


if __name__ == "__main__":
    main(*sys.argv[1:])
