"""Encoders on the page: a table of scores for every suite, a chart with intervals, and training curves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt

from earmark.report import trend
from earmark.report.charts import COLOURS, SHAPES, Row, fitted, plot, tooltips
from earmark.report.figures import Cell, Figure, Look, Section, Table, number
from earmark.report.material import Material
from earmark.report.words import LEVEL, banner, difference, interval, origin, percent
from earmark.scoring.catalogue import measure
from earmark.systems.encoders.report.differences import Pair, Scored, differences
from earmark.systems.encoders.report.published import BASELINES, SOURCE
from earmark.systems.encoders.report.ranking import ranks

Record = Mapping[str, Any]
MEAN = "mean"
COMPARED = (
    "Differences are in percentage points on the same clips, with paired 95 % intervals and p-values "
    "corrected by Holm's method for all comparisons of this table; \u201cno difference shown\u201d means "
    "that the corrected p is at least 0.05. Right answers are compared by McNemar's exact test, error rates "
    "by randomisation, average precision over resamples of the clips."
)
HOVER = {"encoder": "encoder", "dataset": "data set", "shown": "score", "n": "clips"}


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for every suite."""
    by_suite: dict[str, list[Scored]] = defaultdict(list)
    for path, record in material.records("encoders", "score").items():
        by_suite[record["asked"]["suite"]].append(Scored(path, record))
    tables = list(material.records("encoders", "table").values())
    for suite, results in sorted(by_suite.items()):
        means = [table for table in tables if table["asked"]["suite"] == suite]
        yield _section(suite, results, means)


def _section(suite: str, results: Sequence[Scored], means: Sequence[Record]) -> Section:
    records = [result.record for result in results]
    encoders = sorted({record["asked"]["model"] for record in records})
    looks = {
        name: Look(COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)], [1, 0])
        for i, name in enumerate(encoders)
    }
    points = [_point(record) for record in records]
    named = [{**point, "both": f"{point['encoder']} on {point['dataset']}"} for point in points]
    figures = [
        Figure(
            f"Scores of encoders: {suite}",
            _chart(points, looks),
            legend=list(looks.items()),
            numbers="in the table of this section",
            trend=trend.extremes(named, "both", "value", percent),
        ),
        Figure(
            f"Training: {suite}",
            _curves(records, looks),
            legend=list(looks.items()),
            numbers="in the records, as timing.training.curve",
            trend=_learned(records),
        ),
    ]
    asked = records[0]["asked"]
    facts = [f"suite {suite}", f"language model {asked['decoder']}", f"{asked['steps']} steps"]
    if asked["compat"] != "none":
        facts.append("as upstream's code does it (compat: xares)")
    notes = sorted({f"{n}: not computed, {why}" for r in records for n, why in r["not_computed"].items()})
    labels = ",".join(sorted({label for record in records for label in record["labels"]}))
    tables = [_table(records, means, encoders), *_compared(differences(results))]
    return Section(
        f"Encoders trained on {suite}",
        facts,
        banner(labels),
        [figures],
        notes,
        tables,
        key=f"encoders-{suite}",
        of={"made": origin(labels)},
    )


def _learned(records: Sequence[Record]) -> str:
    """Return where each encoder's loss began and ended."""
    curves = {record["asked"]["model"]: record["timing"]["training"]["curve"] for record in records}
    ends = [f"{name} from {curve[0][1]:.2f} to {curve[-1][1]:.2f}" for name, curve in curves.items() if curve]
    return f"Loss: {'; '.join(ends)}." if ends else ""


def _point(record: Record) -> Row:
    found = record["metrics"][record["headline"]]
    return {
        "encoder": record["asked"]["model"],
        "dataset": record["asked"]["task"],
        "shown": f"{measure(record['headline']).short} {_spelt(found)}",
        **{key: found[key] for key in ("value", "low", "high", "n")},
    }


def _spelt(found: Mapping[str, Any]) -> str:
    return "–" if found["value"] is None else f"{percent(found['value'])} {interval(found)}".strip()


def _scale(looks: Mapping[str, Look]) -> alt.Color:
    scale = alt.Scale(domain=list(looks), range=[look.colour for look in looks.values()])
    return alt.Color("encoder:N", scale=scale, legend=None)


def _chart(points: list[Row], looks: Mapping[str, Look]) -> dict[str, Any]:
    known = [point for point in points if point["value"] is not None]
    shapes = alt.Scale(domain=list(looks), range=[look.shape for look in looks.values()])
    chart = plot(known).encode(
        x=alt.X("dataset:N", title="data set", axis=alt.Axis(labelAngle=-45)),
        xOffset=alt.XOffset("encoder:N"),
        color=_scale(looks),
    )
    axis = alt.Y("value:Q", title="score", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"))
    rules = chart.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q")
    marks = chart.mark_point(filled=True, size=75, opacity=1).encode(
        y=axis, shape=alt.Shape("encoder:N", scale=shapes, legend=None), tooltip=tooltips(HOVER)
    )
    return fitted(alt.layer(rules, marks), 300)


def _curves(records: Sequence[Record], looks: Mapping[str, Look]) -> dict[str, Any]:
    seen: dict[str, list[list[float]]] = {
        record["asked"]["model"]: record["timing"]["training"]["curve"] for record in records
    }
    rows = [
        {"encoder": name, "step": point[0], "loss": point[1]}
        for name, curve in seen.items()
        for point in curve
    ]
    chart = (
        plot(rows)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title="loss per token of the target"),
            color=_scale(looks),
            tooltip=tooltips({"encoder": "encoder", "step": "step", "loss": "loss"}),
        )
    )
    return fitted(chart, 300)


def _table(records: Sequence[Record], means: Sequence[Record], encoders: Sequence[str]) -> Table:
    """Return encoders side by side: a line for each data set and one for the mean, ranks behind scores."""
    datasets = sorted({record["asked"]["task"] for record in records})
    found = {(r["asked"]["task"], r["asked"]["model"]): r["metrics"][r["headline"]] for r in records}
    found |= {(MEAN, table["asked"]["model"]): table["metrics"]["mean_score"] for table in means}
    headlines = {record["asked"]["task"]: measure(record["headline"]).short for record in records}
    published = [name for name in BASELINES if set(datasets) & set(BASELINES[name])]
    lines = []
    for dataset in [*datasets, MEAN]:
        placed = ranks({name: found[dataset, name] for name in encoders if (dataset, name) in found})
        cells = [Cell(dataset), Cell(headlines.get(dataset, "mean of scores"))]
        for name in encoders:
            score = found.get((dataset, name))
            if score is None or score["value"] is None:
                cells.append(Cell("–"))
            else:
                cells.append(Cell(f"{_spelt(score)} ({placed[name]})", score["value"]))
        cells += [number(BASELINES[name].get(dataset)) for name in published]
        lines.append(cells)
    columns = ["data set", "metric", *encoders, *(f"published: {name}" for name in published)]
    notes = [
        "In brackets the rank; encoders whose intervals overlap share one. Ties are marked =.",
        *([SOURCE] if published else []),
    ]
    return Table("Encoders side by side", columns, lines, notes, frozenset(columns[2:]))


def _compared(pairs: Sequence[Pair]) -> list[Table]:
    """Return the encoders against each other, data set by data set; nothing where there is no pair."""
    lines = [
        [
            Cell(pair.ours.dataset),
            Cell(measure(pair.ours.headline).short),
            Cell(pair.ours.encoder, strong=pair.row["p_adjusted"] < LEVEL),
            Cell(pair.theirs.encoder),
            Cell(difference(pair.row), pair.row["value"]),
        ]
        for pair in pairs
    ]
    if not lines:
        return []
    columns = ["data set", "metric", "better", "than", "difference"]
    return [Table("Encoders against each other", columns, lines, [COMPARED], frozenset({"difference"}))]
