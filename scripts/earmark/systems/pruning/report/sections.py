"""The sections of token reduction: what accuracy is left, what time it saves, class by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from earmark.report import trend
from earmark.report.charts import GUESSING
from earmark.report.columns import STAGES
from earmark.report.figures import Figure, Legend, Look, Row, Section, Table
from earmark.report.material import Material, Records
from earmark.report.points import differing
from earmark.report.words import banner, interval, origin, percent, seconds, timed
from earmark.scoring.catalogue import measure
from earmark.systems.pruning.report import charts, durations, frontier, speedups
from earmark.systems.pruning.report.comparison import DIFFERENCE
from earmark.systems.pruning.report.point import COMPARABLE
from earmark.systems.pruning.report.results import Result

MOST_COLUMNS = 40  # of a heat map; speakers can be thousands, the table has them all
SELECTION = (
    "Selection happens inside prefill: its bar is taken out of prefill's, the hints name both as timed."
)
NUMBERS_UP_TO = 14  # classes; beyond, the cells of the heat map are too narrow for text


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for all evaluations that can be compared, and one for every prefill timing."""
    points = material.of("pruning", "evaluation")
    timings = material.records("pruning", "prefill")
    look = looks(points, timings)
    yield from evaluations(points, material.records("pruning", "evaluation"), look)
    yield from (speedups.section(record, path, look) for path, record in timings.items())


def looks(points: Sequence[Row], timings: Records) -> dict[str, Look]:
    """Return how each method of token reduction is drawn."""
    reducers = {row["method"]: row["reducer"] for row in points}
    for point in (point for record in timings.values() for point in record["points"]):
        # A timing file names no reducer: a variant is called like one ("dart-l2").
        name = point["method"]
        reducers.setdefault(name, "-".join(name.split("-")[: 1 + name.startswith("kv-")]))
    return charts.looks(reducers)


def evaluations(points: Sequence[Row], records: Records, look: Mapping[str, Look]) -> Iterator[Section]:
    """Yield a section for all evaluations that can be compared."""
    same = itemgetter(*COMPARABLE)
    chosen = sorted(ordered(points, look), key=lambda row: tuple(map(str, same(row))))
    for _, group in groupby(chosen, key=same):
        yield section(list(group), records, look)


def ordered(rows: Sequence[Row], look: Mapping[str, Look]) -> list[Row]:
    """Return rows sorted: the base first, then method by method from the gentlest to the harshest."""
    rank = {name: place for place, name in enumerate(look)}

    def key(row: Row) -> tuple[Any, ...]:
        return (not row["is_base"], row["layer"] or 0, rank.get(row["method"], -1), -(row["ratio"] or 0))

    return sorted(rows, key=key)


def section(rows: Sequence[Row], records: Records, look: Mapping[str, Look]) -> Section:
    """Return the section of results that can be compared; ``records`` are the files by path."""
    first = rows[0]
    asked = records[first["result"]]["asked"]
    return Section(
        asked["title"],
        [
            f"task {first['task']}",
            *([f"wording {first['profile']}"] if first["profile"] not in (None, "default") else []),
            f"model {first['model']}",
            f"{first['device']}, {first['dtype']}",
            f"seed {first['seed']}",
        ],
        banner(first["labels"]),
        [],
        list(_notes(rows)),
        key=f"{first['task']} {first['model']}",
        of={"task": first["task"], "model": first["model"], "made": origin(first["labels"])},
        later=partial(_drawn, rows, records, look),
    )


def _drawn(
    rows: Sequence[Row], records: Records, look: Mapping[str, Look]
) -> tuple[list[list[Figure]], list[Table]]:
    weighed = frontier.figure(rows, look)
    lengths = durations.figure(Result(rows[0]["result"], dict(records[rows[0]["result"]])))
    figures = [
        list(_accuracy_figures(rows, records, look)),
        [figure for figure in (weighed, lengths) if figure is not None],
        [*_stage_figures(rows), *_class_figures(rows)],
    ]
    return figures, frontier.tables(rows)


def _pruned(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a point in a panel."""
    return [row for row in rows if not row["is_base"] and row["ratio"] and row["value"] is not None]


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the remarks without which a section's rows would be compared too easily."""
    if _pruned(rows):
        yield (
            "Bars are 95 % intervals; the grey band is that of the unpruned model (base). Points "
            "of the same ratio are set slightly apart so that their bars can be told apart."
        )
    base = next((row for row in rows if row["is_base"]), None)
    if base is None:
        yield "There is no unpruned run (base) of this task, model, device and seed."
    else:
        alone = {row["method"] for row in rows if not row["is_base"] and DIFFERENCE not in row["metrics"]}
        if alone:
            yield (
                f"Not comparable with base, so without a difference to it: {', '.join(sorted(alone))} "
                "(other prompt, settings, model files, data or versions of packages, or no sample in common)."
            )
        others = sorted(row["run"] for row in rows if row["sample_set"] != base["sample_set"])
        if others:
            yield (
                "Not scored on exactly the samples of base (differences are taken on those in common, "
                f"curves and times are not): {', '.join(others[:20])}{' …' if len(others) > 20 else ''}."
            )
    for name, what in (("threads", "threads"), ("attention", "attention")):
        found = differing(rows, name)
        if found:
            yield f"Times here were measured with different {what}: {', '.join(map(str, found))}."


def _references(rows: Sequence[Row], records: Records) -> list[tuple[str, Look, Row]]:
    """Return the level lines of a section, named: its base and guessing."""
    base = next((row for row in rows if row["is_base"]), None)
    chances = (records[row["result"]]["asked"]["chance"] for row in rows)
    chance = next((each for each in chances if each is not None), None)
    lines: list[tuple[str, Look, Row]] = []
    if base and base["value"] is not None:
        level = {name: base[name] for name in ("value", "low", "high", *charts.ACCURACY_HOVER)}
        lines.append((f"base {percent(base['value'])}", charts.BASE, level))
    if chance is not None:
        lines.append((f"guessing {percent(chance)}", GUESSING, {"value": chance}))
    return lines


def _accuracy_figures(rows: Sequence[Row], records: Records, look: Mapping[str, Look]) -> Iterator[Figure]:
    """Yield a panel per layer at which methods really ran, with common axes."""
    pruned = _pruned(rows)
    ratios = [row["ratio"] for row in pruned]
    lines = _references(rows, records)
    for layer in sorted({row["layer"] for row in pruned}):
        panel = [row for row in pruned if row["layer"] == layer]
        methods = [name for name in look if any(row["method"] == name for row in panel)]
        notes = sorted({f"{row['method']}: {row['note']}" for row in panel if row["note"]})
        counts = {row["n"] for row in panel}
        if len(counts) > 1:
            notes.append(f"The points rest on {min(counts)} to {max(counts)} samples, not all on the same.")
        failed = sorted({row["method"] for row in panel if row["failed"]})
        if failed:
            notes.append(f"Samples without an answer are left out: {', '.join(failed)}.")
        name = measure(panel[0]["headline"]).axis
        kept = ("ratio", "value", "low", "high", "result", *charts.ACCURACY_HOVER)
        yield Figure(
            f"{name[0].upper()}{name[1:]} when pruned before layer {layer}",
            charts.quality(
                [{key: row[key] for key in kept} for row in panel],
                [line[1:] for line in lines],
                ratios,
                look,
                name,
            ),
            [*((method, look[method]) for method in methods), *(line[:2] for line in lines)],
            notes,
            key=f"{panel[0]['headline']} layer {layer}",
            trend=trend.lines(panel, "method", "ratio", percent, percent),
        )


def _stage_figures(rows: Sequence[Row]) -> Iterator[Figure]:
    """Yield stage times: all stages, and only those that pruning can change."""
    runs = [row["run"] for row in rows]
    bars = [
        {"stage": stage, "order": i, "seconds": _apart(row, stage), "median": timed(row, stage)}
        | {name: row[name] for name in ("run", "n", "made")}
        for row in rows
        for i, stage in enumerate(STAGES)
        if row[f"{stage}_s"] is not None
    ]
    for key, title, shown in (
        ("stages", "Time per clip, all stages", STAGES),
        ("stages-reduced", "Time per clip, the stages pruning changes", ("select", "prefill", "decode")),
    ):
        present = [stage for stage in shown if any(bar["stage"] == stage for bar in bars)]
        if present:
            legend: Legend = [(stage, charts.STAGE_COLOURS[stage]) for stage in present]
            notes = [SELECTION] if "select" in present else []
            by = {stage: [bar for bar in bars if bar["stage"] == stage] for stage in present}
            told = (
                f"{stage}: {trend.extremes(rows, 'run', 'seconds', seconds)}" for stage, rows in by.items()
            )
            said = " ".join(told)
            yield Figure(title, charts.stages(bars, runs, present), legend, notes, key=key, trend=said)


def _apart(row: Row, stage: str) -> float:
    """Return the length of a stage's bar: selection is timed inside prefill and has a bar of its own."""
    inside = row["select_s"] or 0.0 if stage == "prefill" else 0.0
    return max(0.0, float(row[f"{stage}_s"]) - inside)


def _class_figures(rows: Sequence[Row]) -> Iterator[Figure]:
    """Yield the heat maps of accuracy by class and by group, where the task has such."""
    yield from _heat_map(rows, "accuracy/", "Accuracy of each class")
    names = {name for row in rows for name in row["metrics"] if name.startswith("accuracy@")}
    for facet in sorted({name.removeprefix("accuracy@").partition("=")[0] for name in names}):
        yield from _heat_map(rows, f"accuracy@{facet}=", f"Accuracy of each {facet.replace('_', ' ')}")


def _heat_map(rows: Sequence[Row], prefix: str, title: str) -> Iterator[Figure]:
    """Yield the heat map of the metrics that begin so, if there are any and not too many to draw."""
    cells = [
        {
            "run": row["run"],
            "class": name.removeprefix(prefix),
            **{key: found[key] for key in ("value", "n")},
            "accuracy": f"{percent(found['value'])} {interval(found)}",
            "number": f"{100 * found['value']:.0f}",
            "made": row["made"],
        }
        for row in rows
        for name, found in row["metrics"].items()
        if name.startswith(prefix) and found["value"] is not None
    ]
    names = sorted({cell["class"] for cell in cells})
    if 0 < len(names) <= MOST_COLUMNS:
        specification = charts.classes(
            cells, [row["run"] for row in rows], names, len(names) <= NUMBERS_UP_TO
        )
        key = "classes" if prefix == "accuracy/" else prefix.strip("@=").replace("@", "-")
        for cell in cells:
            cell["both"] = f"{cell['class']} by {cell['run']}"
        said = trend.extremes(cells, "both", "value", percent)
        yield Figure(title, specification, min_width=130 + 28 * len(names), key=key, trend=said)
