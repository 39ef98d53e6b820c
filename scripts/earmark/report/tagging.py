"""Students that tag audio on the page: quality against measured speed, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import altair as alt

from earmark.report import charts
from earmark.report.charts import COLOURS, INK, SHAPES, Look, fitted, level, plot
from earmark.report.sections import TIMES, Figure, Legend, Section
from earmark.report.tagging_rows import (
    BASELINE,
    LABELS,
    UNMERGED,
    Tagged,
    difference,
    ordered,
    partners,
    per_seed,
)
from earmark.report.words import DASH, MINUS, NBSP, banner, interval, percent

Row = dict[str, Any]
NAMES = {"mAP": "mean average precision", "accuracy": "accuracy"}
OWN_TABLE = "in the table below the chart"
HOVER = {
    "recipe": "recipe",
    "r": "r",
    "quality": "quality",
    "seeds": "of the seeds",
    "tokens": "tokens",
    "speed": "speed-up",
    "clips": "test clips",
}
HOLLOW = SHAPES[3]


def looks(recipes: Sequence[str]) -> dict[str, Look]:
    """Return a colour and shape per recipe."""
    return {
        name: Look(COLOURS[i % len(COLOURS)], SHAPES[i % 3], [1, 0]) for i, name in enumerate(sorted(recipes))
    }


def shape(r: str) -> str:
    """Return which schedules stand on one line: constant ones, falling, rising, each listed one alone."""
    return {"": "constant", "d": "falling", "i": "rising"}.get(r.lstrip("0123456789"), f"schedule {r}")


def tradeoff(rows: Sequence[Row], marks: Sequence[Row], chance: float | None, name: str) -> dict[str, Any]:
    """Quality against measured speed-up: a line per recipe over r, and the baselines as single marks."""
    recipes = sorted({row["recipe"] for row in [*rows, *marks]})
    look = looks(sorted({row["colour_of"] for row in [*rows, *marks]}))
    colours = [
        look[next(r["colour_of"] for r in [*rows, *marks] if r["recipe"] == n)].colour for n in recipes
    ]
    ends = [row[end] for row in [*rows, *marks] for end in ("value", "low", "high") if row[end] is not None]
    room = 0.08 * (max(ends) - min(ends)) or 0.01
    y = alt.Y(
        "value:Q",
        title=name,
        scale=alt.Scale(domain=[max(0.0, min(ends) - room), min(1.0, max(ends) + room)], nice=False),
        axis=alt.Axis(format=".0%" if max(ends) - min(ends) > 0.1 else ".1%", tickCount=6),
    )
    fast = [row["speedup_high"] for row in [*rows, *marks]]
    slow = [row["speedup_low"] for row in [*rows, *marks]]
    x = alt.X(
        "speedup:Q",
        title="measured speed-up over the unmerged student (times)",
        scale=alt.Scale(domain=[min(1.0, *slow) * 0.95, max(fast) * 1.05], nice=False, zero=False),
        axis=alt.Axis(format="~g", tickCount=7, grid=False),
    )
    colour = alt.Color("recipe:N", scale=alt.Scale(domain=recipes, range=colours), legend=None)
    tooltip = [alt.Tooltip(f"{field}:N", title=title) for field, title in HOVER.items()]
    layers: list[alt.Chart] = []
    if chance is not None and chance >= min(ends) - room:
        layers += level({"value": chance}, charts.GUESSING)
    for part, filled in ((marks, False), (rows, True)):
        if not part:
            continue
        chart = plot(part).encode(x=x, color=colour)
        layers.append(chart.mark_rule(strokeWidth=1.5, opacity=0.75).encode(y=alt.Y("low:Q"), y2="high:Q"))
        layers.append(
            chart.mark_rule(strokeWidth=1, opacity=0.45).encode(
                x=alt.X("speedup_low:Q"), x2="speedup_high:Q", y=y
            )
        )
        if filled:
            dash = alt.StrokeDash(
                "schedule:N",
                legend=None,
                scale=alt.Scale(domain=["constant", "falling", "rising"], range=[[1, 0], [6, 3], [2, 2]]),
            )
            order = alt.Order("merged:Q")
            layers.append(chart.mark_line(strokeWidth=1.8).encode(y=y, strokeDash=dash, order=order))
        shapes = alt.Scale(domain=recipes, range=[_mark(n, rows, look) for n in recipes])
        layers.append(
            chart.mark_point(filled=filled, size=75 if filled else 130, opacity=1, strokeWidth=2).encode(
                y=y, shape=alt.Shape("recipe:N", scale=shapes, legend=None), tooltip=tooltip
            )
        )
        text = chart.mark_text(align="left", dx=7, dy=-9, fontSize=11).encode(
            y=y, text="name:N", color=alt.value(INK)
        )
        layers.append(text)
    return fitted(alt.layer(*layers), 360, right=24)


def _mark(recipe: str, rows: Sequence[Row], look: Mapping[str, Look]) -> str:
    """Return a recipe's shape: its own on its line, hollow for what is only a baseline."""
    return look[recipe].shape if any(row["recipe"] == recipe for row in rows) else HOLLOW


def _widest(result: Tagged) -> Row:
    """Return the speeds of the largest batch: what throughput is read off."""
    batches: list[Row] = result.record["speed"]["batches"]
    return max(batches, key=lambda each: each["batch"])


def _row(result: Tagged, side: Mapping[str, Any], colour_of: str, name: str) -> Row:
    """Return what the chart needs of a result whose speed is that of a side of a speed record."""
    asked, found, counts = result.asked, result.record["metrics"][result.headline], result.record["counts"]
    tokens = result.record["tokens"]["tokens"]
    return {
        "recipe": asked["recipe"],
        "colour_of": colour_of,
        "r": asked["r"],
        "name": name,
        "schedule": shape(asked["r"]),
        "merged": sum(result.record["tokens"]["merged"]),
        **{key: found[key] for key in ("value", "low", "high")},
        "speedup": side["speedup"],
        "speedup_low": side["speedup_low"] or side["speedup"],
        "speedup_high": side["speedup_high"] or side["speedup"],
        "quality": f"{percent(found['value'])} {interval(found)}",
        "seeds": _seeds(result),
        "tokens": f"{tokens[0]} to {tokens[-1]}",
        "speed": _speed(side),
        "clips": f"{counts['scored']}, {counts['failed']} failed, {counts['cut']} cut",
    }


def _speed(side: Mapping[str, Any]) -> str:
    ends = {"low": side["speedup_low"], "high": side["speedup_high"]}
    return f"{side['speedup']:.2f}{NBSP}{TIMES} {interval(ends, 1, 2)}"


def _seeds(result: Tagged) -> str:
    values = sorted(per_seed(result).values())
    return f"{100 * values[0]:.1f}{DASH}{100 * values[-1]:.1f}" if len(values) > 1 else DASH


def _points(result: Tagged, other: Tagged | None) -> str:
    """Return a difference in points with its interval, empty where there is nothing to compare."""
    found = None if other is None else difference(result, other)
    if found is None:
        return DASH
    value = f"{100 * found['value']:+.1f}".replace("-", MINUS)
    verdict = "" if found["low"] > 0 or found["high"] < 0 else ", none shown"
    seeds = ""
    if found["seeds"] > 1:
        ends = {"low": found["seed_min"], "high": found["seed_max"]}
        seeds = f"; seeds {interval(ends)}"
    return f"{value}{NBSP}{interval(found)}{verdict}{seeds}"


def section(results: Sequence[Tagged]) -> Section:
    """Return the section of one task's results: a chart for each student, and one table."""
    first = results[0]
    asked = first.asked
    notes = [
        "Bars up and down are 95 % intervals over the test clips with these very trainings (paired "
        "bootstrap for differences, in points); the seeds' own values show what training again changes. "
        "Bars to the sides reach from the slowest to the fastest round."
    ]
    if asked["folds"]:
        notes.append(
            f"Every clip of the {len(asked['folds'])} folds was tested by a student that had not seen its "
            "fold: accuracy over all clips together, mAP and AUC as the mean of the folds."
        )
    notes += _clamped(results)
    made = Section(
        f"AST: quality against measured speed, {asked['title']}",
        _facts(first),
        banner(",".join(sorted({label for each in results for label in each.record["labels"]}))),
        [list(_figures(results))],
        notes,
    )
    made.table = "The numbers of each result"
    made.columns = [
        "recipe",
        "r",
        "trained with r",
        "tokens",
        NAMES[first.headline],
        "of the seeds",
        "over classes",
        "mAUC",
        "d\u2032",
        "best class right" if first.headline == "mAP" else "mAP",
        "to unmerged",
        "to 16/16",
        "to labels alone",
        "speed-up",
        "clips/s",
        "one clip",
        "GMAC",
        "peak MB",
        "clips",
        "failed",
        "cut",
    ]
    made.lines = [_line(result, results) for result in ordered(results)]
    return made


def _facts(result: Tagged) -> list[str]:
    asked, speed = result.asked, result.record["speed"]
    chance = result.record["chance"]
    guessing = [] if chance is None else [f"at random {percent(chance)}"]
    seeds = len(asked["seeds"])
    return [
        f"task {asked['task']}",
        f"{asked['classes']} classes, {asked['kind'].replace('_', ' ')}",
        *guessing,
        f"{seeds} training{'s' * (seeds > 1)} a point",
        f"speed on {speed['device']}, {speed['dtype']}, {speed['threads']} thread{'s' * (speed['threads'] > 1)}",
    ]


def _clamped(results: Sequence[Tagged]) -> list[str]:
    """Return a remark on schedules that ask for more tokens than there are."""
    less = sorted({r.asked["r"] for r in results if r.record["tokens"]["clamped_layers"]}, key=_number)
    if not less:
        return []
    return [
        f"r of {', '.join(less)} asks for more than some layers have: they merge half of what is left, so "
        "that larger r changes less than it seems. The table has the tokens that remain."
    ]


def _number(r: str) -> tuple[int, str]:
    digits = "".join(c for c in r if c.isdigit())
    return int(digits or 0), r


def _figures(results: Sequence[Tagged]) -> Iterator[Figure]:
    """Yield a chart per student; what is only a baseline of others is a mark on theirs."""
    baselines = {each.asked["baseline"] for each in results}
    lined = [
        each
        for each in results
        if each.asked["recipe"] not in baselines
        or any(not o.unmerged for o in results if o.asked["recipe"] == each.asked["recipe"])
    ]
    lined = sorted(lined, key=lambda each: str(each.asked["student"]))
    for student, group in groupby(lined, key=lambda each: str(each.asked["student"])):
        members = ordered(
            each for each in group if each.record["metrics"][each.headline]["value"] is not None
        )
        if members:
            yield _figure(student, members, results)


def _figure(student: str, members: Sequence[Tagged], results: Sequence[Tagged]) -> Figure:
    rows, marks, notes = [], [], []
    for result in members:
        recipe = str(result.asked["recipe"])
        rows.append(_row(result, _widest(result)["merged"], recipe, f"r{result.asked['r']}"))
    for recipe in sorted({str(each.asked["recipe"]) for each in members}):
        of_recipe = [each for each in members if each.asked["recipe"] == recipe]
        plain = min(of_recipe, key=lambda each: sum(each.record["tokens"]["merged"]))
        baseline = partners(plain, results).get(BASELINE)
        if baseline is None:
            notes.append(f"{recipe}: no unmerged baseline on the same clips is there to compare with.")
        elif not _is_stride_16(baseline, plain):
            notes.append(
                f"{recipe}: its baseline {baseline.asked['recipe']} has other sizes or strides than the "
                "16/16 student whose speed was measured, so it stands in the table alone."
            )
        elif baseline.record["metrics"][baseline.headline]["value"] is not None:
            marks.append(_row(baseline, _widest(plain)["strides_16"], recipe, "16/16"))
    look = looks([row["colour_of"] for row in [*rows, *marks]])
    titles = {each.asked["recipe"]: each.asked["recipe_title"] for each in members}
    legend: Legend = [(f"{name}: {titles[name]}", look[name]) for name in titles]
    legend += [
        (f"{mark['recipe']}: strides 16/16, unmerged", Look(look[mark["colour_of"]].colour, HOLLOW, []))
        for mark in marks
    ]
    record, batch = members[0].record, _widest(members[0])["batch"]
    chance = record["chance"]
    first = members[0]
    notes.insert(
        0,
        f"Speed: batches of {batch}, the model's forward pass alone, rounds of the unmerged, the merged and the "
        "16/16 student in turn; weights at random, on which the cost does not depend.",
    )
    if record["speed"]["feature_s"] is not None:
        notes.append(
            f"The spectrogram takes another {1000 * record['speed']['feature_s']:.1f} ms a clip, merged or not."
        )
    specification = tradeoff(rows, marks, chance, NAMES[first.headline])
    if any(
        layer.get("mark", {}).get("strokeDash") == charts.GUESSING.dash for layer in specification["layer"]
    ):
        legend.append((f"at random {percent(chance)}", charts.GUESSING))
    title = f"{NAMES[first.headline].capitalize()} against speed-up, student {student}"
    return Figure(title, specification, legend, notes, 520, OWN_TABLE)


def _is_stride_16(baseline: Tagged, of: Tagged) -> bool:
    """Whether a baseline is the student whose speed was measured beside another's."""
    return baseline.asked["strides"] == [16, 16] and baseline.asked["sizes"] == of.asked["sizes"]


def _line(result: Tagged, results: Sequence[Tagged]) -> list[str]:
    asked, record = result.asked, result.record
    metrics, counts, tokens = record["metrics"], record["counts"], record["tokens"]["tokens"]
    side = _widest(result)["merged"]
    single = min(record["speed"]["batches"], key=lambda each: each["batch"])
    found, others = metrics[result.headline], partners(result, results)
    over = sorted({run["classes_with_positives"] for run in record["per_run"]})
    d_prime = metrics["d_prime"]["value"]
    second = metrics["mAP"] if result.headline == "accuracy" else metrics["top1_in_labels"]
    gmac = DASH if side["macs"] is None else f"{side['macs'] / 1e9:.3g}"
    peak = side["peak_memory_bytes"]
    return [
        asked["recipe"],
        asked["r"] + ("*" if record["tokens"]["clamped_layers"] else ""),
        asked["train_r"],
        f"{tokens[0]} to {tokens[-1]}",
        f"{percent(found['value'])} {interval(found)}",
        _seeds(result),
        f"{DASH.join(str(n) for n in over)} of {asked['classes']}",
        percent(metrics["mAUC"]["value"]),
        DASH if d_prime is None else f"{d_prime:.2f}",
        percent(second["value"]),
        _points(result, others.get(UNMERGED)),
        _points(result, others.get(BASELINE)),
        _points(result, others.get(LABELS)),
        _speed(side),
        f"{side['clips_per_s']:.4g}",
        f"{1000 * single['merged']['median_s'] / single['batch']:.2f} ms",
        gmac,
        DASH if peak is None else f"{peak / 2**20:.0f}",
        *(str(counts[name]) for name in ("scored", "failed", "cut")),
    ]


def sections(results: Sequence[Tagged]) -> list[Section]:
    """Return the sections of all results, task by task."""
    by_task = sorted(results, key=lambda each: (each.asked["task"], each.path))
    return [section(list(group)) for _, group in groupby(by_task, key=lambda each: each.asked["task"])]
