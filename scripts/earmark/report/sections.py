"""The sections of the page: summary rows and result files, shaped into figures and remarks."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pandas as pd

from earmark.errors import UserError
from earmark.report import charts
from earmark.report.tables import DIFFERENCE, STAGES, TIMING, Result
from earmark.report.words import banner, difference, interval, percent, seconds

WRONG_SHOWN = 20
MOST_COLUMNS = 40  # of a heat map; speakers can be thousands, the table has them all
NAMES = {"accuracy": "accuracy", "wer": "word error rate (lower is better)"}
NUMBERS_UP_TO = 14  # classes; beyond, the cells of the heat map are too narrow for text
TIMES = "\u00d7"
COMPARABLE = ("task", "profile", "model", "labels", "device", "dtype", "seed")  # alike within a section
Row = dict[str, Any]
Legend = list[tuple[str, charts.Look | str]]


@dataclass
class Figure:
    """A chart with its title, legend and the remarks without which it would mislead."""

    title: str
    specification: dict[str, Any]
    legend: Legend = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    min_width: int = 0
    numbers: str = "in the table of all results"  # where to read them


@dataclass
class Section:
    """What can be compared: results of one task, model, device and seed, a timing file or a probe."""

    title: str
    facts: list[str]
    banner: str
    figures: list[list[Figure]]
    notes: list[str] = field(default_factory=list)
    prompt: str = ""
    wrong: list[Row] | None = None
    wrong_total: int = 0
    columns: list[str] = field(default_factory=list)  # of a table of numbers of its own
    lines: list[list[str]] = field(default_factory=list)
    table: str = "The numbers of each layer"


def points(summary: pd.DataFrame, results: Mapping[str, Result]) -> list[Row]:
    """Return one row per result: its columns, its metrics by name, its texts for hovering.

    Raises:
        UserError: the summary was made from other results than these.

    """
    table = summary[summary["system"] != TIMING].sort_values("result", kind="stable")
    if set(table["result"]) != set(results):
        other = sorted(set(table["result"]) ^ set(results))
        raise UserError(
            f"the summary was not made from exactly these results ({other[0]} is in one only); "
            "run summarize.py and report.py with the same --result"
        )
    plain: list[Row] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    rows = []
    for path, group in groupby(plain, key=lambda each: each["result"]):
        members = list(group)
        row: Row = {**members[0], "metrics": {each["metric"]: each for each in members}}
        record = results[path].record
        row["headline"] = results[path].headline
        found = row["metrics"][row["headline"]]
        row["value"], row["low"], row["high"], row["n"] = (found[k] for k in ("value", "low", "high", "n"))
        row["is_base"], row["note"] = results[path].is_base, record["reduction"]["note"]
        row["title"], row["chance"] = record["asked"]["title"], record["asked"]["chance"]
        row["ratio"] = row["keep_ratio"] or row["keep_ratio_effective"]
        ratio, tokens = row["keep_ratio"], row["keep_tokens"]
        asked = f"{100 * ratio:g} %" if ratio else f"{tokens} tokens"
        row["asked"], row["effective"] = asked, percent(row["keep_ratio_effective"])
        rate = "WER " if row["headline"] == "wer" else ""
        row["accuracy"] = f"{rate}{percent(row['value'])} {interval(row)}"
        row["difference"] = difference(row["metrics"].get(DIFFERENCE))
        names = ("unparsed", "failed", "truncated", "windowed", "skipped")
        row["counts"] = ", ".join(f"{row[name]} {name}" for name in names)
        row["run"] = row["method"] if row["is_base"] else f"{row['method']} {asked}"
        rows.append(row)
    return rows


def _keep(row: Row) -> Row:
    """Return what the accuracy chart needs of a row."""
    return {name: row[name] for name in ("ratio", "value", "low", "high", *charts.ACCURACY_HOVER)}


def _references(rows: Sequence[Row]) -> list[tuple[str, charts.Look, Row]]:
    """Return the level lines of a section, named: its base and guessing."""
    base = next((row for row in rows if row["is_base"]), None)
    chance = next((row["chance"] for row in rows if row["chance"] is not None), None)
    lines: list[tuple[str, charts.Look, Row]] = []
    if base and base["value"] is not None:
        level = {name: base[name] for name in ("value", "low", "high")}
        lines.append((f"base {percent(base['value'])}", charts.BASE, level))
    if chance is not None:
        lines.append((f"guessing {percent(chance)}", charts.GUESSING, {"value": chance}))
    return lines


def _accuracy_figures(rows: Sequence[Row], look: Mapping[str, charts.Look]) -> Iterator[Figure]:
    """Yield a panel per layer at which methods really ran, with common axes."""
    pruned = [row for row in rows if not row["is_base"] and row["ratio"] and row["value"] is not None]
    ratios = [row["ratio"] for row in pruned]
    lines = _references(rows)
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
        yield Figure(
            f"{NAMES[panel[0]['headline']].capitalize()} when pruned before layer {layer}",
            charts.quality(
                [_keep(row) for row in panel],
                [line[1:] for line in lines],
                ratios,
                look,
                NAMES[panel[0]["headline"]],
            ),
            [*((name, look[name]) for name in methods), *(line[:2] for line in lines)],
            notes,
        )


def _stage_figures(rows: Sequence[Row]) -> Iterator[Figure]:
    """Yield stage times: all stages, and only those that pruning can change."""
    runs = [row["run"] for row in rows]
    bars = [
        {"run": row["run"], "stage": stage, "order": i, "seconds": took, "median": seconds(took)}
        for row in rows
        for i, stage in enumerate(STAGES)
        if (took := row[f"{stage}_s"]) is not None
    ]
    for title, shown in (
        ("Time per clip, all stages", STAGES),
        ("Time per clip, the stages pruning changes", ("select", "prefill", "decode")),
    ):
        present = [stage for stage in shown if any(bar["stage"] == stage for bar in bars)]
        if present:
            legend: Legend = [(stage, charts.STAGE_COLOURS[stage]) for stage in present]
            yield Figure(title, charts.stages(bars, runs, present), legend)


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
        yield Figure(title, specification, min_width=130 + 28 * len(names))


def section(rows: Sequence[Row], results: Mapping[str, Result], look: Mapping[str, charts.Look]) -> Section:
    """Return the section of results that can be compared."""
    first = rows[0]
    accuracy = list(_accuracy_figures(rows, look))
    made = Section(
        first["title"],
        [
            f"task {first['task']}",
            *([f"wording {first['profile']}"] if first["profile"] not in (None, "default") else []),
            f"model {first['model']}",
            f"{first['device']}, {first['dtype']}",
            f"seed {first['seed']}",
        ],
        banner(first["labels"]),
        [accuracy, [*_stage_figures(rows), *_class_figures(rows)]],
    )
    if accuracy:
        made.notes.append(
            "Bars are 95 % intervals; the grey band is that of the unpruned model (base). Points "
            "of the same ratio are set slightly apart so that their bars can be told apart."
        )
    base = next((results[row["result"]] for row in rows if row["is_base"]), None)
    if base is None:
        made.notes.append("There is no unpruned run (base) of this task, model, device and seed.")
    else:
        alone = {row["method"] for row in rows if not row["is_base"] and DIFFERENCE not in row["metrics"]}
        if alone:
            made.notes.append(
                f"Not comparable with base, so without a difference to it: {', '.join(sorted(alone))} "
                "(other prompt, settings, model files or data, or no sample in common)."
            )
        wrong = [s for s in base.samples() if s["status"] == "scored" and not s["correct"]]
        made.prompt, made.wrong_total = base.asked["prompt"], len(wrong)
        made.wrong = heapq.nsmallest(WRONG_SHOWN, wrong, key=lambda sample: sample["clip_id"])
    return made


def _timing_row(point: Mapping[str, Any]) -> Row:
    """Return what the speed-up chart needs of a point of a timing file."""
    measured = {
        "value": point["speedup"],
        "low": point["speedup_low"],
        "high": point["speedup_high"],
    }
    return {
        **{name: point[name] for name in ("method", "layer")},
        **measured,
        "ratio": point["keep_ratio"],
        "asked": f"{100 * point['keep_ratio']:g} %",
        "tokens": point["tokens_after"],
        "speed": f"{point['speedup']:.2f} {TIMES} {interval(measured, 1, 2)}",
        "flop_value": point["flop_speedup"],
        "flop": f"{point['flop_speedup']:.2f} {TIMES}",
        "seconds": f"{seconds(point['prefill_s'])}, unpruned {seconds(point['base_s'])}",
    }


def timing_section(record: Mapping[str, Any], look: Mapping[str, charts.Look]) -> Section:
    """Return the section of a timing file: a panel per layer."""
    rows = [_timing_row(point) for point in record["points"]]
    figures = []
    for layer in sorted({row["layer"] for row in rows}):
        panel = [row for row in rows if row["layer"] == layer]
        methods = [name for name in look if any(row["method"] == name for row in panel)]
        figures.append(
            Figure(
                f"Prefill speed-up when pruned before layer {layer}",
                charts.speedup(panel, [row["ratio"] for row in rows], look),
                [
                    *((name, look[name]) for name in methods),
                    ("by FLOPs alone", charts.FLOPS),
                    ("as fast as unpruned", charts.NO_GAIN),
                ],
            )
        )
    facts = [
        f"model {record['model']}",
        f"{record['parameters']:,} parameters".replace(",", " "),
        f"{record['audio_s']:g} s of audio, {record['audio_tokens']} tokens",
        ", ".join(str(record[name]) for name in ("device", "dtype", "attention")),
        f"{record['threads']} threads",
    ]
    note = (
        f"Each point is the median of {record['repeats']} pairs of a pruned and an unpruned "
        "prefill, run side by side; bars reach from the slowest to the fastest pair. "
        "FLOPs: what a machine limited by arithmetic alone would gain."
    )
    return Section("Prefill time", facts, banner(",".join(record["labels"])), [figures], [note])
