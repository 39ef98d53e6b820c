"""Token reduction on the first screen: methods against keep ratios, for every task and over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from earmark.report.figures import Row
from earmark.report.first import Answer, Entry, Pivot, View, shown
from earmark.report.material import Material
from earmark.report.points import records
from earmark.report.words import MINUS, difference, interval, percent, seconds
from earmark.scoring.catalogue import headlines, measure
from earmark.systems.pruning.report import sentences
from earmark.systems.pruning.report.comparison import DIFFERENCE
from earmark.systems.pruning.report.frontier import faster
from earmark.systems.pruning.report.point import COMPARABLE
from earmark.systems.pruning.report.standing import MEAN, SETTINGS, TO_BEST, WIN_RATE

MODEL = ("model", "labels", "device", "dtype", "seed", "profile")
MOST = 120
"""Tables there are room for; the rest is in the summary."""

STAGES = {"clip": "time per clip", "prefill": "prefill time"}
EXTRA = ("f1_macro", WIN_RATE)
WORDS = {WIN_RATE: "mean win rate"}
NOTES = (
    "In bold: the best of a column and all that cannot be told from it (paired tests corrected for their "
    "number; of times, overlapping intervals). Coloured: a difference to base is shown, blue for better and "
    "orange for worse, stronger from 2 and from 10 points.",
)
MEANS = (
    "A mean over tasks stands where every task has a result, over one metric alone; its interval resamples "
    "the samples of each task. The win rate is the share of the other methods at the same ratio that one "
    "beats, mean over tasks; a tie is half a win."
)
Group = list[Row]


def answer(material: Material) -> Answer | None:
    """Return the first screen's part, None without evaluations."""
    groups = grouped(material)
    if not groups:
        return None
    views = [view for group in groups for view in _views(group)]
    notes = [*NOTES, *([MEANS] if any(group[0]["type"] == MEAN for group in groups) else [])]
    if len(views) > MOST:
        notes.append(
            f"The first {MOST} of {len(views)} tables; summary.csv beside this page has all numbers."
        )
    pivot = Pivot("Methods and what they keep", "method", "share of audio tokens kept", views[:MOST], notes)
    return Answer(sentences.of(groups), [pivot])


def grouped(material: Material) -> list[Group]:
    """Return the rows that can be compared, with their metrics: first those over tasks, then task by task."""
    over = _means(material)
    single = sorted(material.of("pruning", "evaluation"), key=_key(COMPARABLE))
    return [
        *(list(group) for _, group in groupby(sorted(over, key=_key(MODEL)), key=_key(MODEL))),
        *(list(group) for _, group in groupby(single, key=_key(COMPARABLE))),
    ]


def _key(names: Sequence[str]) -> Callable[[Row], tuple[str, ...]]:
    same = itemgetter(*names)
    return lambda row: tuple(map(str, same(row)))


def _means(material: Material) -> list[Row]:
    """Return a row for each cell over tasks, its metrics by name as those of a result."""
    table = material.table
    found: dict[tuple[Any, ...], Row] = {}
    for row in records(table[(table["system"] == "pruning") & (table["type"] == MEAN)]):
        key = tuple(row[name] for name in (*MODEL, *SETTINGS, "note"))
        if row["metric"] in headlines():
            name = row["metric"]
            found[key] = {
                **row,
                "headline": name,
                "metrics": {name: row},
                "is_base": row["reducer"] == "base",
            }
            found[key]["ratio"] = row["keep_ratio"]
        elif key in found:
            found[key]["metrics"][row["metric"]] = row
    return list(found.values())


def kept(row: Row) -> str:
    """Return the column of a row: what was asked to be kept."""
    return f"{row['keep_tokens']} tokens" if row["keep_tokens"] else f"{100 * (row['keep_ratio'] or 0):g} %"


def _columns(rows: Sequence[Row]) -> list[str]:
    order = sorted({(bool(r["keep_tokens"]), -(r["keep_ratio"] or r["keep_tokens"]), kept(r)) for r in rows})
    return list(dict.fromkeys(text for *_, text in order))


def _views(group: Group) -> Iterator[View]:
    """Yield the tables of rows that can be compared: their score, what else was found, their times."""
    first, columns = group[0], _columns(group)
    choice = {"task": task_of(first), "model": model_of(first)}

    def view(word: str, entry: Callable[[Row], Entry | None]) -> View:
        return View(choice | {"shown": word}, columns, _lines(group, columns, entry), first["labels"])

    top = _tops(group, lambda row: _sign(row) * row["value"])
    for name, word in (
        (first["headline"], measure(first["headline"]).axis),
        (DIFFERENCE, "difference to base"),
        *((name, WORDS.get(name, measure(name).title)) for name in EXTRA),
    ):
        if any((row["metrics"].get(name) or {}).get("value") is not None for row in group):
            yield view(word, partial(_score, what=name, top=top))
    for stage, word in STAGES.items():
        timed = [row for row in group if row.get(f"{stage}_s") is not None]
        if first["type"] != MEAN and timed:
            yield view(word, partial(_time, stage=stage, top=_tops(timed, _quickest(stage))))


def task_of(row: Row) -> str:
    """Return the task of a row, or over how many tasks it is a mean."""
    return str(row["task"]) if row["type"] != MEAN else str(row["note"]).partition(":")[0]


def model_of(row: Row) -> str:
    """Return the model with what else tells it apart."""
    wording = f", wording {row['profile']}" if row["profile"] not in (None, "default") else ""
    return f"{row['model']} ({row['device']}, {row['dtype']}, seed {row['seed']}{wording})"


def _sign(row: Row) -> int:
    return measure(row["headline"]).sign


def _quickest(stage: str) -> Callable[[Row], float]:
    return lambda row: -float(row[f"{stage}_s"])


def _tops(group: Group, worth: Callable[[Row], float]) -> dict[str, Row]:
    """Return the reduced row that is worth most in every column."""
    found: dict[str, Row] = {}
    for row in group:
        if row["value"] is not None and not row["is_base"]:
            best = found.get(kept(row))
            found[kept(row)] = row if best is None or worth(row) > worth(best) else best
    return found


def label(row: Row, layers: int) -> str:
    """Return what a line is called: the method, with its layer where methods ran at several."""
    named = row["is_base"] or layers < 2 or f"-l{row['layer']}" in row["method"]
    return str(row["method"]) if named else f"{row['method']}, layer {row['layer']}"


def _lines(
    group: Group, columns: Sequence[str], entry: Callable[[Row], Entry | None]
) -> list[tuple[str, list[Entry | None]]]:
    """Return a line per method with its entries by column, None where there is no run."""
    layers = len({row["layer"] for row in group if not row["is_base"]})
    lines: dict[str, dict[str, Row]] = {}
    for row in sorted(group, key=lambda row: (not row["is_base"], row["method"], row["layer"] or 0)):
        lines.setdefault(label(row, layers), {})[kept(row)] = row
    return [
        (name, [entry(cells[column]) if column in cells else None for column in columns])
        for name, cells in lines.items()
    ]


def _score(row: Row, what: str, top: Mapping[str, Row]) -> Entry | None:
    found: Mapping[str, Any] | None = row["metrics"].get(what)
    if found is None or found.get("value") is None:
        return None
    apart = row["metrics"].get(DIFFERENCE)
    value = f"{100 * found['value']:+.1f}" if what == DIFFERENCE else percent(found["value"])
    ranked = what in (row["headline"], DIFFERENCE) and not row["is_base"]
    return Entry(
        value.replace("-", MINUS),
        interval(found),
        ranked and (row is top[kept(row)] or tied(row)),
        _sign(row) * apart["value"] if apart is not None and shown(apart["p_adjusted"]) else None,
        row.get("result") or "",
        f"{found['n']} samples; difference to base: {difference(apart)}"
        if apart
        else f"{found['n']} samples",
    )


def tied(row: Row) -> bool:
    """Whether a row was compared with the best that keeps as much, and no difference was shown."""
    found = row["metrics"].get(TO_BEST)
    return found is not None and not shown(found["p_adjusted"])


def _time(row: Row, stage: str, top: Mapping[str, Row]) -> Entry | None:
    took = row[f"{stage}_s"]
    if took is None:
        return None
    ends = {end: row[f"{stage}_{end}_s"] for end in ("low", "high")}
    best = not row["is_base"] and not faster(top[kept(row)], row, stage)
    text = interval(ends, *((1, 2) if took >= 1 else (1000, 1)))
    return Entry(seconds(took), text, best, None, row.get("result") or "", f"median of {row['n']} samples")
