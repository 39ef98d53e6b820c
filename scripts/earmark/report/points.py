"""Rows of the summary gathered into one row per result: what charts and tables show of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from earmark.report.columns import DIFFERENCE, LEFT_OUT, OURS, PROBE, TAGGING_SPEED, TIMING
from earmark.report.figures import Row
from earmark.report.words import difference, interval, made, percent
from earmark.scoring.catalogue import headlines, measure
from earmark.scoring.choices import ACCURACY

COMPARABLE = ("task", "profile", "model", "labels", "device", "dtype", "seed")
"""Alike within a section: rows that differ in one of these are never in one chart."""

SAME = (
    "source",
    "system",
    "result",
    "task",
    "model",
    "method",
    "keep_ratio",
    "keep_tokens",
    "r",
    "layer",
    "seed",
)
LATENCY = ("mel", "encode", "prefill", "decode")
COUNTED = ("unparsed", "failed", "truncated", "windowed", "skipped")


def records(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table with None for what is missing."""
    plain: list[Row] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    return plain


def points(summary: pd.DataFrame) -> list[Row]:
    """Return one row per result of the summary: its columns, its metrics by name, its texts.

    Timings and probes, which have points of their own, are not here.
    """
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    for row in records(summary[~summary["system"].isin([TIMING, PROBE, TAGGING_SPEED, LEFT_OUT])]):
        grouped.setdefault(tuple(row[name] for name in SAME), []).append(row)
    return [_point(members) for members in grouped.values()]


def left_out(summary: pd.DataFrame) -> list[Row]:
    """Return the files that were found and not read, with the reason in ``note``."""
    return records(summary[summary["system"] == LEFT_OUT])


def _point(members: Sequence[Row]) -> Row:
    metrics = {each["metric"]: each for each in members}
    headline = next((name for name in headlines() if name in metrics), members[0]["metric"])
    row: Row = {**metrics[headline], "metrics": metrics, "headline": headline}
    row["is_base"] = row["reducer"] == "base"
    row["ours"] = row["source"] == OURS
    row["ratio"] = row["keep_ratio"] or row["keep_ratio_effective"]
    row["asked"] = _asked(row)
    row["effective"] = percent(row["keep_ratio_effective"])
    row["score"] = f"{_prefix(headline)}{percent(row['value'])} {interval(row)}".strip()
    row["difference"] = difference(metrics.get(DIFFERENCE))
    row["counts"] = counts(row)
    row["made"] = made(row)
    row["run"] = row["method"] if row["is_base"] or not row["asked"] else f"{row['method']} {row['asked']}"
    row["latency"] = _latency(row)
    return row


def _prefix(headline: str) -> str:
    return "" if headline == ACCURACY.name else f"{measure(headline).short} "


def _asked(row: Row) -> str:
    if row["keep_tokens"]:
        return f"{row['keep_tokens']} tokens"
    if row["keep_ratio"]:
        return f"{100 * row['keep_ratio']:g} %"
    return f"r {row['r']}" if row["r"] is not None else ""


def counts(row: Row) -> str:
    """Return how many samples were no plain answer, in words."""
    known = [f"{row[name]} {name}" for name in COUNTED if row[name] is not None]
    return ", ".join(known) or "not counted"


def _latency(row: Row) -> float | None:
    """Return seconds a sample from audio to answer: the sum of the stages' medians, loading left out."""
    found = [row[f"{stage}_s"] for stage in LATENCY]
    return None if any(each is None for each in found) else float(sum(found))


def differing(rows: Iterable[Row], name: str) -> list[Any]:
    """Return the values of a column among rows, if there are several."""
    found = sorted({row[name] for row in rows if row[name] is not None}, key=str)
    return found if len(found) > 1 else []
