"""The envelope of results: what every system's records have in common, and the one way to write them.

A record says what was asked, how many samples were counted, the metrics with their intervals, the reasons of
failures, times and provenance. What these parts look like is said once, in config/schemas/shared.schema.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.config.schema import check_fits
from earmark.core.errors import UserError
from earmark.core.files import Json, write_json
from earmark.core.jsonl import write_jsonl


@dataclass(frozen=True)
class Failure:
    """A sample that gave nothing to score."""

    name: str
    """Of the clip."""
    reason: str


def failures(found: Iterable[Failure]) -> list[Json]:
    """Return the reasons with counts, most frequent first, each with the first clip it struck."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for each in found:
        first.setdefault(each.reason, each.name)
        counts[each.reason] += 1
    return [{"reason": reason, "n": n, "first": first[reason]} for reason, n in counts.most_common()]


def check_budget(
    found: Sequence[Failure], total: int, allowed: float, where: str, *, what: str, key: str
) -> None:
    """Stop if more of ``total`` samples failed than allowed, or all of them.

    Args:
        found: the failures.
        total: samples asked.
        allowed: share that may fail.
        where: the result, for the message.
        what: what the samples are called in it.
        key: what allows more, with its verb.

    Raises:
        UserError: names the most frequent reason.

    """
    if found and (len(found) == total or len(found) > allowed * total):
        reason, count = Counter(each.reason for each in found).most_common(1)[0]
        raise UserError(
            f"{where}: {len(found)} of {total} {what} failed ({count} of them: {reason}); {key} {allowed:g}"
        )


def checked(record: Json, kind: str) -> Json:
    """Return a record that fits the schema of its kind."""
    content = dict(record)
    check_fits(content, kind)
    return content


def write(record: Json, output: Path, rows: Iterable[Json] | None = None) -> None:
    """Write a result's rows, if it has any, and then its record, which so says that all is whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if rows is not None:
        write_jsonl(output.with_suffix(".jsonl"), rows)
    write_json(output, dict(record))


def one_line(record: Json, name: str, *more: str) -> str:
    """Return a result in a line for the terminal: its headline metric ``name``, its counts, and ``more``."""
    found, counts = record["metrics"][name], record["counts"]
    value = "none" if found["value"] is None else f"{found['value']:.3f}"
    ends = "" if found["low"] is None else f" [{found['low']:.3f}, {found['high']:.3f}]"
    seeds = found.get("seeds")
    spread = f" (seeds {seeds['min']:.3f} to {seeds['max']:.3f})" if seeds and seeds["n"] > 1 else ""
    shown = {key: counts[key] for key in ("failed", "unparsed", "cut") if key in counts}
    beside = ", ".join(f"{count} {key}" for key, count in shown.items())
    return ", ".join([f"{name} {value}{ends}{spread} on {counts['scored']} samples ({beside})", *more])
