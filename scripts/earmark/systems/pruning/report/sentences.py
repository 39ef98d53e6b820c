"""What token reduction came to, in one sentence per model and task, or per model over its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from earmark.report.figures import Row
from earmark.report.first import Times, listed, shown, times
from earmark.report.words import interval, isolated, percent
from earmark.scoring.catalogue import measure
from earmark.systems.pruning.report.comparison import DIFFERENCE
from earmark.systems.pruning.report.standing import MEAN, TO_BEST

NEAR = 0.5
"""The keep ratio that sentences are about, or the one measured that is nearest."""

MOST, NAMED = 6, 4
"""Sentences there is room for, and methods that a sentence names one by one."""

Group = Sequence[Row]


def of(groups: Sequence[Group]) -> list[str]:
    """Return the sentences: over all tasks where such rows are, else task by task."""
    means = [group for group in groups if group[0]["type"] == MEAN]
    covered = {(_model(group[0]), task) for group in means for task in _tasks(group[0])}
    rest = [
        group
        for group in groups
        if group[0]["type"] != MEAN and (_model(group[0]), group[0]["task"]) not in covered
    ]
    singles = [row for group in groups for row in group if row["type"] != MEAN]
    made = [sentence(group, singles) for group in (*means, *rest)]
    more = [f"{len(made) - MOST} more in the table below."] if len(made) > MOST else []
    return [*made[:MOST], *more]


def _model(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("model", "labels", "device", "dtype", "seed", "profile"))


def _tasks(row: Row) -> list[str]:
    return str(row["note"]).partition(": ")[2].split(", ")


def sentence(group: Group, singles: Sequence[Row]) -> str:
    """Return what came out of rows that can be compared; ``singles`` are the results behind their times."""
    first = group[0]
    over = str(first["note"]).partition(":")[0] if first["type"] == MEAN else isolated(first["task"])
    who = f"{isolated(first['model'])}, {over}: "
    base = next((row for row in group if row["is_base"] and row["value"] is not None), None)
    ratio = nearest_ratio(group)
    if base is None or ratio is None:
        return f"{who}nothing to compare, as there is no {'unpruned run' if base is None else 'pruned run'}."
    rows = [row for row in group if DIFFERENCE in row["metrics"] and row["keep_ratio"] == ratio]
    sign = measure(base["headline"]).sign
    rows.sort(key=lambda row: -sign * row["value"])
    best, others = rows[0], rows[1:]
    parts = [_best(best, base, singles), *_others(best, others, sign)]
    return f"{who}with {100 * ratio:g} % of the audio tokens {'; '.join(parts)}."


def nearest_ratio(group: Group) -> float | None:
    """Return the keep ratio, of runs compared with the base, that is nearest to half; None without any."""
    ratios = {row["keep_ratio"] for row in group if DIFFERENCE in row["metrics"] and row["keep_ratio"]}
    return min(ratios, key=lambda found: (abs(found - NEAR), found), default=None)


def _best(best: Row, base: Row, singles: Sequence[Row]) -> str:
    apart, name = best["metrics"][DIFFERENCE], measure(base["headline"])
    if name.higher_is_better and base["value"] > 0:
        share = {end: (base["value"] + apart[end]) / base["value"] for end in ("low", "high")}
        kept = 1 + apart["value"] / base["value"]
        text = f"{best['method']} keeps {percent(kept)} {interval(share)} of the unpruned {name.title}"
    else:
        unpruned = percent(base["value"])
        text = f"{best['method']} has a {name.title} of {percent(best['value'])} (unpruned {unpruned})"
    speed = _speed(best, singles)
    if speed is not None:
        text += (
            f" at {speed} the prefill speed"
            if speed.shown
            else ", and no change of the prefill's time is shown"
        )
    return text if shown(apart["p_adjusted"]) else f"{text} (no difference to base shown)"


def _others(best: Row, others: Sequence[Row], sign: int) -> Iterator[str]:
    """Yield what is said of the other methods, the best of them first."""
    tied = [r["method"] for r in others if (d := r["metrics"].get(TO_BEST)) and not shown(d["p_adjusted"])]
    if tied:
        yield f"{listed(tied)} cannot be told from it"
    worse = [row for row in others if row["method"] not in tied]
    apart = [row for row in worse if shown(row["metrics"][DIFFERENCE]["p_adjusted"])]
    for row in apart[:NAMED]:
        found, ends = row["metrics"][DIFFERENCE], _absolute(row["metrics"][DIFFERENCE])
        points = f"{100 * abs(found['value']):.1f} points {interval(ends)}"
        if sign < 0:
            yield f"{row['method']} {'raises' if found['value'] > 0 else 'lowers'} it by {points}"
        else:
            yield f"{row['method']} {'gains' if found['value'] > 0 else 'loses'} {points}"
    if len(apart) > NAMED:
        yield f"{len(apart) - NAMED} more are below these"
    same = [row["method"] for row in worse if row not in apart]
    if same:
        yield f"for {listed(same)} no difference to base is shown"


def _absolute(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the ends of a difference counted in its own direction."""
    ends = sorted((found["low"], found["high"]) if found["value"] > 0 else (-found["low"], -found["high"]))
    return {"low": ends[0], "high": ends[1]}


def _speed(row: Row, singles: Sequence[Row]) -> Times | None:
    """Return how many times as fast the prefill is as the base's: over tasks, the geometric mean."""
    tasks = _tasks(row) if row["type"] == MEAN else [row["task"]]
    alike = [each for each in singles if _model(each) == _model(row) and each["task"] in tasks]
    same = ("method", "layer", "keep_ratio", "keep_tokens")
    fast = {each["task"]: each for each in alike if all(each[name] == row[name] for name in same)}
    slow = {each["task"]: each for each in alike if each["is_base"]}
    pairs = [(_took(slow.get(task)), _took(fast.get(task))) for task in tasks]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return times(*zip(*known, strict=True)) if len(known) == len(tasks) else None


def _took(row: Row | None) -> Times | None:
    if row is None or not row["prefill_s"]:
        return None
    low, high = (row[f"prefill_{end}_s"] or row["prefill_s"] for end in ("low", "high"))
    return Times(row["prefill_s"], low, high)
