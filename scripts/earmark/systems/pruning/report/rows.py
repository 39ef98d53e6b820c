"""Records of token reduction as rows of the summary: evaluations and prefill timings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.core.files import Json
from earmark.report import rows
from earmark.report.known import Known
from earmark.report.remembered import Remembered
from earmark.systems.contract import Row
from earmark.systems.pruning.report import comparison, standing
from earmark.systems.pruning.report.answered import Reader
from earmark.systems.pruning.report.results import Result, sample_set

PER_CLASS = ("accuracy", "precision", "f1", "average_precision")


def evaluation(path: Path, record: Json) -> Iterator[Row]:
    """Yield a row per metric of an evaluation, by class and by group too.

    Raises:
        UserError: the samples beside it are missing or damaged.

    """
    asked, reduction = record["asked"], record["reduction"]
    shared = {
        **rows.common(record),
        **{name: asked.get(name) for name in ("profile", "method", "reducer", "keep_ratio", "keep_tokens")},
        "compresses": asked.get("kind"),
        **{
            name: reduction.get(name) for name in ("keep_ratio_effective", "share_of_layers", "layer", "note")
        },
        "tokens_merged": (reduction.get("tokens_merged") or {}).get("mean"),
        "sample_set": sample_set(Result(str(path), record).answers()),
    }
    yield from rows.metrics(shared, record)
    yield from rows.parts(shared, record, PER_CLASS)


def about(path: Path, record: Json) -> Row:
    """Return what a comparison has to know of an evaluation: what it can be compared with."""
    result = Result(str(path), record)
    return {
        "comparable": result.comparable(),
        "across": result.across(),
        "is_base": result.is_base,
        "metric": result.asked["metric"],
    }


def compared(known: Sequence[Known], memory: Remembered) -> list[Row]:
    """Return the rows that compare results: with their base, with the best of their budget, over tasks."""
    reader = Reader()
    return [*comparison.rows(known, memory, reader), *standing.rows(known, memory, reader)]


def timing(path: Path, record: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the measured speed-up and the FLOP line of each point of a timing file."""
    for point in record["points"]:
        shared = {
            "model": record["model"],
            **{name: point[name] for name in ("method", "keep_ratio", "layer", "select_s", "prefill_s")},
            "keep_ratio_effective": point["tokens_after"] / record["audio_tokens"],
            **{name: record[name] for name in ("threads", "device", "dtype", "attention")},
        }
        speed = {
            key: point[f"speedup{end}"] for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
        repeats = {"interval": "range of repeats", "n": record["repeats"]}
        how = {"clock": record.get("clock", "wall"), "alone": int(record.get("alone", True))}
        yield {**shared, "metric": "prefill_speedup", **speed, **repeats, **how}
        yield {**shared, "metric": "flop_speedup", "value": point["flop_speedup"]}
