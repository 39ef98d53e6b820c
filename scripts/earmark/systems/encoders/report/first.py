"""Encoders on the first screen: which does best over the data sets of a suite, and on each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from earmark.report.first import Answer, Entry, Pivot, View, listed
from earmark.report.material import Material
from earmark.report.words import interval, percent
from earmark.scoring.catalogue import measure
from earmark.systems.encoders.report.ranking import ranks

Record = Mapping[str, Any]
Scores = dict[str, Mapping[str, Any]]
MOST, NAMED = 6, 4
"""Sentences there is room for, and encoders that a sentence names one by one."""

MEAN = "mean"
SAME = ("suite", "decoder", "compat", "steps")
NOTE = (
    "In bold: the best encoder of a line, and those whose interval overlaps with its own. The mean is "
    "weighted as the suite says, over data sets with different metrics; it stands where a table of all of "
    "them was made."
)


def answer(material: Material) -> Answer | None:
    """Return the first screen's part, None without scored encoders."""
    groups = _grouped(material.records("encoders", "score"))
    if not groups:
        return None
    tables = _grouped(material.records("encoders", "table"))
    said: list[str] = []
    views = []
    for key, members in groups.items():
        means: Scores = {
            table["asked"]["model"]: table["metrics"]["mean_score"] for table in tables.get(key, {}).values()
        }
        said += sentences(list(members.values()), means)
        views.append(_view(members, means, tables.get(key, {})))
    more = [f"{len(said) - MOST} more in the table below."] if len(said) > MOST else []
    pivot = Pivot("Encoders, data set by data set", "data set", "encoder", views, [NOTE])
    return Answer([*said[:MOST], *more], [pivot])


def _grouped(records: Mapping[str, Record]) -> dict[tuple[str, ...], dict[str, Record]]:
    """Return records whose encoders were heard alike: by suite, language model, compat and steps."""

    def same(pair: tuple[str, Record]) -> tuple[str, ...]:
        return tuple(str(pair[1]["asked"][name]) for name in SAME)

    ordered = sorted(records.items(), key=lambda pair: (same(pair), pair[0]))
    return {key: dict(group) for key, group in groupby(ordered, key=same)}


def sentences(records: Sequence[Record], means: Scores) -> Iterator[str]:
    """Yield what encoders came to over a suite's data sets or, without means, on each of them."""
    asked = records[0]["asked"]
    known = {name: found for name, found in means.items() if found["value"] is not None}
    if known:
        sets = sorted({found["n"] for found in known.values()})
        number = str(sets[0]) if len(sets) == 1 else f"{sets[0]} to {sets[-1]}"
        word = f"mean score over {number} data set{'s' * (number != '1')}"
        yield f"{asked['suite']}, heard by {asked['decoder']}: {_ranked(known, word)}."
        return
    for task in sorted({record["asked"]["task"] for record in records}):
        each = [record for record in records if record["asked"]["task"] == task]
        scores = {record["asked"]["model"]: record["metrics"][record["headline"]] for record in each}
        scores = {name: found for name, found in scores.items() if found["value"] is not None}
        if scores:
            word = measure(each[0]["headline"]).title
            yield f"{asked['suite']}, heard by {asked['decoder']}, {task}: {_ranked(scores, word)}."


def _ranked(scores: Scores, word: str) -> str:
    """Return the best encoder, what cannot be told from it, and those that rank behind."""
    order = sorted(scores, key=lambda name: -scores[name]["value"])
    best, placed = order[0], ranks(scores)
    tied = [name for name in order[1:] if placed[name].rstrip("=") == "1"]
    alone = f"the {word} of {best} is {_spelt(scores[best])}"
    parts = [alone if len(order) == 1 else f"{best} has the highest {word}, {_spelt(scores[best])}"]
    if tied:
        parts.append(f"{listed(tied)} cannot be told from it (overlapping intervals)")
    behind = [name for name in order[1:] if name not in tied]
    parts += [f"{name} has {_spelt(scores[name])}" for name in behind[:NAMED]]
    if len(behind) > NAMED:
        parts.append(f"{len(behind) - NAMED} more are below these")
    return "; ".join(parts)


def _spelt(found: Mapping[str, Any]) -> str:
    return f"{percent(found['value'])} {interval(found)}".strip()


def _view(members: Mapping[str, Record], means: Scores, tables: Mapping[str, Record]) -> View:
    first = next(iter(members.values()))
    asked = first["asked"]
    encoders = sorted({record["asked"]["model"] for record in members.values()})
    lines = []
    for task in sorted({record["asked"]["task"] for record in members.values()}):
        each = {path: record for path, record in members.items() if record["asked"]["task"] == task}
        scores = {record["asked"]["model"]: record["metrics"][record["headline"]] for record in each.values()}
        paths = {record["asked"]["model"]: path for path, record in each.items()}
        word = measure(next(iter(each.values()))["headline"]).short
        lines.append((f"{task}, {word}", _line(encoders, scores, paths, "clips")))
    if means:
        paths = {record["asked"]["model"]: path for path, record in tables.items()}
        lines.append((MEAN, _line(encoders, means, paths, "data sets")))
    compat = "" if asked["compat"] == "none" else f", compat {asked['compat']}"
    labels = sorted({label for record in members.values() for label in record["labels"]})
    heard = f"{asked['suite']} (language model {asked['decoder']}, {asked['steps']} steps{compat})"
    return View({"suite": heard, "shown": "score"}, encoders, lines, ",".join(labels))


def _line(
    encoders: Sequence[str], scores: Scores, paths: Mapping[str, str], counted: str
) -> list[Entry | None]:
    placed = ranks(scores)
    return [
        Entry(
            percent(scores[name]["value"]),
            interval(scores[name]),
            placed[name].rstrip("=") == "1",
            None,
            paths.get(name, ""),
            f"{scores[name]['n']} {counted}, rank {placed[name]}",
        )
        if name in placed
        else None
        for name in encoders
    ]
