"""The table of an encoder's scores on all data sets of a suite, as upstream's, and the same with intervals.

The overall score is upstream's: the mean of the data sets' headlines, weighted. Its interval adds up the data
sets' own, which are independent: each end is as far off as the root of the sum of their squared arms.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import jsonschema

from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.files import Json, replacing
from earmark.scoring import record as envelope
from earmark.scoring.intervals import Estimate
from earmark.systems.encoders.asked import TableJob

OVERALL = "Overall"


def run(
    asked: TableJob, results: Sequence[Path], tsv: Path, output: Path, code: str, again: str = ""
) -> None:
    """Write ``scores.tsv`` and ``scores.json`` from the records of the data sets.

    Raises:
        UserError: a record is damaged.

    """
    records = [_read(path) for path in results]
    rows = [
        {
            "dataset": record["asked"]["task"],
            "metric": record["headline"],
            "weight": record["asked"]["weight"],
            **record["metrics"][record["headline"]],
        }
        for record in sorted(records, key=lambda each: each["asked"]["task"])
    ]
    total = overall(rows)
    lines = ["Task\tscore\tweight"]
    lines += [f"eval_{row['dataset']}\t{_spelt(row['value'])}\t{row['weight']:g}" for row in rows]
    lines.append(f"{OVERALL}\t{_spelt(total['value'])}\t{sum(row['weight'] for row in rows):g}")
    first = records[0]["asked"]
    content = {
        "schema": "earmark/encoder_table/1",
        "labels": sorted({label for record in records for label in record["labels"]}),
        "asked": {
            "task": asked.suite,
            "model": asked.encoder,
            **{key: first[key] for key in ("suite", "decoder", "compat", "steps", "training_seed", "seed")},
        },
        "counts": {
            "total": len(rows),
            "scored": sum(row["value"] is not None for row in rows),
            "failed": sum(row["value"] is None for row in rows),
        },
        "headline": "mean_score",
        "metrics": {"mean_score": total},
        "not_computed": {
            record["asked"]["task"]: why for record in records for why in record["not_computed"].values()
        },
        "failures": [],
        "data_sets": rows,
        "provenance": provenance.repeatable(
            {
                **provenance.record(code),
                "checkpoint": records[0]["provenance"]["checkpoint"],
                "config": asked.plain(),
            },
            again,
        ),
    }
    with replacing(tsv) as partial:
        partial.write_text("\n".join(lines) + "\n")
    envelope.write(envelope.checked(content, "encoder_table"), output)
    print("\n".join(lines), flush=True)


def overall(rows: Sequence[Json]) -> Estimate:
    """Return the weighted mean of the data sets that have a score, with its interval."""
    known = [row for row in rows if row["value"] is not None and row["weight"] > 0]
    weights = sum(row["weight"] for row in known)
    found: Estimate = {"value": None, "low": None, "high": None, "n": len(known), "interval": "score"}
    if not known:
        return found
    value = sum(row["value"] * row["weight"] for row in known) / weights
    found["value"] = value
    if all(row["low"] is not None for row in known):
        arms = [
            sqrt(sum((row["weight"] * (row["value"] - row[end])) ** 2 for row in known)) / weights
            for end in ("low", "high")
        ]
        found["low"], found["high"] = value - arms[0], value + arms[1]
    return found


def _read(path: Path) -> Json:
    try:
        return envelope.checked(json.loads(path.read_text()), "encoder_score")
    except (OSError, ValueError, jsonschema.ValidationError) as error:
        words = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is damaged ({words}); delete it to make it again") from None


def _spelt(value: float | None) -> str:
    return "nan" if value is None else f"{value:.3f}"
