"""Students that tag audio on the page: quality against measured speed, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from earmark.report import trend
from earmark.report.figures import Cell, Figure, Legend, Look, Row, Section, Table
from earmark.report.material import Material
from earmark.report.overview import differing_versions
from earmark.report.rows import made as origin
from earmark.report.words import DASH, NBSP, banner, difference, interval, made, percent
from earmark.report.words import origin as made_of
from earmark.scoring.catalogue import measure
from earmark.systems.tagging.report.results import (
    BASELINE,
    LABELS,
    UNMERGED,
    Tagged,
    differences,
    ordered,
    partners,
)
from earmark.systems.tagging.report.tradeoff import HOLLOW, looks, shape, tradeoff
from earmark.systems.tagging.timed import BASELINE as STRIDES_16
from earmark.systems.tagging.timed import MERGED, Batch, Timed

TIMES = "\u00d7"
LABEL_WIDTH = 50  # pixels an r's label needs
INTERVALS = (
    "Bars up and down are 95 % intervals over the test clips with these very trainings; the seeds' own "
    "values show what training again changes. Bars to the sides reach from the slowest to the fastest round."
)
SPEED = (
    "Speed: batches of {batch}, the model's forward pass alone, rounds of the unmerged, the merged and the "
    "16/16 student in turn, weights at random, on which the cost does not depend. Speed-ups are over the "
    "unmerged student."
)
COLUMNS = (
    "recipe", "r", "trained with r", "tokens", "quality", "of the seeds", "over classes", "mAUC", "d\u2032",
    "best class right", "to unmerged", "to 16/16", "to labels alone", "speed-up", "clips/s", "one clip",
    "GMAC", "peak MB", "clips", "failed", "cut",
)  # fmt: skip
Differences = Mapping[tuple[str, str], Row]
NUMBERS = frozenset(COLUMNS) - {"recipe", "r", "trained with r", "over classes", "of the seeds"}
FIRST = frozenset(("recipe", "r", "quality", "to unmerged", "speed-up"))
COMPARED = (
    "Differences are in percentage points on the same clips, with paired 95 % intervals and p-values "
    "corrected (Holm) for the number of results compared with the same one; “no difference shown” means "
    "that the corrected p is at least 0.05. Those of the seeds, pair by pair, stand in the hints. To "
    "unmerged: the same recipe at r 0; to 16/16: the recipe's baseline; to labels alone: the same student "
    "and r without a teacher."
)


def sections(material: Material) -> list[Section]:
    """Return the sections of results: those of a task whose speeds compare are in one."""
    records = material.records("tagging", "quality")
    results = [Tagged(path, record) for path, record in records.items()]

    def same(each: Tagged) -> tuple[str, ...]:
        speed = each.record["speed"]
        parts = (each.asked["task"], speed["device"], speed["dtype"], speed["threads"], each.asked["seed"])
        return tuple(map(str, parts))

    results.sort(key=lambda each: (same(each), each.path))
    found = differences(results)
    return [section(list(group), results, found) for _, group in groupby(results, key=same)]


def section(members: Sequence[Tagged], results: Sequence[Tagged], found: Differences) -> Section:
    """Return a section: a chart for each student, and one table; ``results`` may be compared with."""
    asked = members[0].asked
    labels = ",".join(sorted({label for each in members for label in each.record["labels"]}))
    return Section(
        f"AST: quality against measured speed, {asked['title']}",
        _facts(members[0]),
        banner(labels),
        [list(_figures(members, results))],
        list(_notes(members)),
        [_table(members, results, found)],
        f"tagging {asked['task']}",
        {"task": asked["task"], "made": made_of(labels)},
    )


def _facts(result: Tagged) -> list[str]:
    asked, speed, chance = result.asked, result.record["speed"], result.record["chance"]
    seeds, threads = len(asked["seeds"]), speed["threads"]
    return [
        f"task {asked['task']}",
        f"{asked['classes']} classes, {asked['kind'].replace('_', ' ')}",
        *([] if chance is None else [f"at random {percent(chance)}"]),
        f"{seeds} training{'s' * (seeds > 1)} a point",
        f"speed on {speed['device']}, {speed['dtype']}, {threads} thread{'s' * (threads > 1)}",
        f"seed {asked['seed']}",
    ]


def _notes(members: Sequence[Tagged]) -> Iterator[str]:
    """Yield the remarks without which the numbers would be read wrongly."""
    yield INTERVALS
    folds = members[0].asked["folds"]
    if folds:
        yield (
            f"Every clip of the {len(folds)} folds was tested by a student that had not seen its fold: "
            "accuracy is over all clips together, mAP and AUC are the mean of the folds."
        )
    less = {each.asked["r"] for each in members if each.record["tokens"]["clamped_layers"]}
    if less:
        named = sorted(less, key=lambda r: (int(r.strip("di") or 0) if r.strip("di").isdigit() else 0, r))
        yield (
            f"r of {', '.join(named)} asks for more than some layers have: they merge half of what is left, "
            "so larger r changes less than it seems (* in the table, which has the tokens that remain)."
        )


def _figures(members: Sequence[Tagged], results: Sequence[Tagged]) -> Iterator[Figure]:
    """Yield a chart per student; what is only a baseline of others is a mark on theirs."""
    baselines = {each.asked["baseline"] for each in members}
    merged = {each.asked["recipe"] for each in members if not each.unmerged}
    lined = [
        each for each in members if each.asked["recipe"] in merged or each.asked["recipe"] not in baselines
    ]
    lined = sorted((each for each in lined if each.value is not None), key=lambda each: each.asked["student"])
    for student, group in groupby(lined, key=lambda each: str(each.asked["student"])):
        yield _figure(student, ordered(group), results)


def _figure(student: str, members: Sequence[Tagged], results: Sequence[Tagged]) -> Figure:
    first = members[0]
    speed = first.record["speed"]
    rows = [
        _point(each, widest(each).sides[MERGED], str(each.asked["recipe"]), f"r{each.asked['r']}")
        for each in members
    ]
    marks, notes = _marks(members, results)
    look = looks(row["colour_of"] for row in [*rows, *marks])
    titles = {str(each.asked["recipe"]): each.asked["recipe_title"] for each in members}
    legend: Legend = [(f"{name}: {title}", look[name]) for name, title in titles.items()]
    legend += [
        (f"{mark['recipe']}: strides 16/16, unmerged", Look(look[mark["colour_of"]].colour, HOLLOW, [], True))
        for mark in marks
    ]
    notes.insert(0, SPEED.format(batch=widest(first).size))
    if speed["feature_s"] is not None:
        took = f"{1000 * speed['feature_s']:.1f}"
        notes.insert(1, f"The spectrogram takes another {took} ms a clip, merged or not.")
    name = measure(first.headline).title
    return Figure(
        f"{name[0].upper()}{name[1:]} against speed-up, student {student}",
        tradeoff(rows, marks, look, first.record["chance"], name),
        legend,
        notes,
        LABEL_WIDTH * len({row["name"] for row in [*rows, *marks]}),
        "in the table below the chart",
        f"quality against speed {student}",
        trend.lines(rows, "recipe", "speedup", percent, "{:.2f} times the speed".format),
    )


def _marks(members: Sequence[Tagged], results: Sequence[Tagged]) -> tuple[list[Row], list[str]]:
    """Return the baselines of a chart's recipes, and remarks on those that can't be drawn."""
    marks, notes = [], []
    for recipe in sorted({str(each.asked["recipe"]) for each in members}):
        # The least merged one's speed record stands for where the baseline is.
        plain = next(each for each in members if each.asked["recipe"] == recipe)
        baseline = partners(plain, results).get(BASELINE)
        if baseline is None:
            notes.append(f"{recipe}: there is no unmerged baseline on the same clips to compare with.")
        elif baseline.asked["strides"] != [16, 16] or baseline.asked["sizes"] != plain.asked["sizes"]:
            notes.append(
                f"{recipe}: its baseline {baseline.asked['recipe']} has other sizes or strides than the "
                "16/16 student whose speed was measured, so it stands in the table alone."
            )
        elif baseline.value is not None:
            marks.append(_point(baseline, widest(plain).sides[STRIDES_16], recipe, "16/16"))
    return marks, notes


def widest(result: Tagged) -> Batch:
    """Return the speeds of the largest batch: what throughput is read off."""
    return max(_batches(result), key=lambda each: each.size)


def _batches(result: Tagged) -> list[Batch]:
    return [Batch.of(entry) for entry in result.record["speed"]["batches"]]


def _point(result: Tagged, side: Timed, colour_of: str, name: str) -> Row:
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
        "speedup": side.speedup,
        "speedup_low": side.speedup_low,
        "speedup_high": side.speedup_high,
        "quality": f"{percent(found['value'])} {interval(found)}",
        "seeds": _seeds(result),
        "tokens": f"{tokens[0]} to {tokens[-1]}",
        "speed": _speed(side),
        "clips": f"{counts['scored']}, {counts['failed']} failed, {counts['cut']} cut",
        "device": result.record["speed"]["device"],
        "made": made({"result": result.path, **origin(result.record)}),
    }


def _speed(side: Timed) -> str:
    ends = {"low": side.speedup_low, "high": side.speedup_high}
    return f"{side.speedup:.2f}{NBSP}{TIMES} {interval(ends, 1, 2)}"


def _seeds(result: Tagged) -> str:
    values = sorted(result.per_seed().values())
    return f"{100 * values[0]:.1f}{DASH}{100 * values[-1]:.1f}" if len(values) > 1 else DASH


def _apart(result: Tagged, name: str, other: Tagged | None, found: Differences) -> Cell:
    """Return a difference in points with its interval and corrected p, a dash where there is none."""
    row = found.get((result.path, name))
    if other is None or row is None or row["low"] is None:
        return Cell(DASH)
    hint = f"to {other.path}; p {row['p_value']:.3g} before correction for {row['comparisons']} comparisons"
    if row["seeds"]:
        ends = {"low": row["seed_min"], "high": row["seed_max"]}
        hint += f"; seed by seed {interval(ends)} ({row['seeds']})"
    return Cell(difference(row), row["value"], hint)


def _table(members: Sequence[Tagged], results: Sequence[Tagged], found: Differences) -> Table:
    batches = f"Speed-up and clips/s are of batches of {widest(members[0]).size}, peak memory too."
    lines = [_line(each, results, found) for each in ordered(members)]
    notes = [COMPARED, batches, *_other_versions(members)]
    return Table("The numbers of each result", COLUMNS, lines, notes, NUMBERS, first=FIRST)


def _other_versions(members: Sequence[Tagged]) -> list[str]:
    """Return which results were made with versions of packages that others were not, as a note."""
    texts = differing_versions([{"packages": each.versions} for each in members])
    marked = [
        f"{each.asked['recipe']} at r {each.asked['r']} with {text}"
        for each, text in zip(members, texts, strict=True)
        if text
    ]
    if not marked:
        return []
    return [f"Results of other versions of packages that make numbers are not compared: {', '.join(marked)}."]


def _line(result: Tagged, results: Sequence[Tagged], apart: Differences) -> list[Cell]:
    asked, record = result.asked, result.record
    metrics, counts, tokens = record["metrics"], record["counts"], record["tokens"]["tokens"]
    side, others = widest(result).sides[MERGED], partners(result, results)
    single = min(_batches(result), key=lambda each: each.size)
    found = metrics[result.headline]
    hits = metrics["accuracy" if result.headline == "accuracy" else "top1_in_labels"]
    over = sorted({run["classes_with_positives"] for run in record["per_run"]})
    took = single.sides[MERGED].median_s / single.size
    r = asked["r"] + ("*" if record["tokens"]["clamped_layers"] else "")
    return [
        Cell(asked["recipe"], hover=asked["recipe_title"]),
        Cell(r, sum(record["tokens"]["merged"]), record["tokens"]["warning"] or ""),
        Cell(asked["train_r"]),
        Cell(f"{tokens[0]} to {tokens[-1]}", tokens[-1]),
        Cell(f"{percent(found['value'])} {interval(found)}", found["value"], made({"result": result.path})),
        Cell(_seeds(result)),
        Cell(f"{DASH.join(map(str, over))} of {asked['classes']}"),
        _number(metrics["mAUC"]["value"], percent(metrics["mAUC"]["value"])),
        _number(metrics["d_prime"]["value"], "{:.2f}"),
        _number(hits["value"], percent(hits["value"])),
        *(_apart(result, name, others.get(name), apart) for name in (UNMERGED, BASELINE, LABELS)),
        Cell(_speed(side), side.speedup),
        _number(side.clips_per_s, "{:.4g}"),
        _number(took, f"{1000 * took:.2f} ms"),
        _number(side.macs / 1e9, "{:.3g}"),
        _number(side.peak_memory_bytes / 1e6, "{:.1f}"),
        *(_number(counts[name], str(counts[name])) for name in ("scored", "failed", "cut")),
    ]


def _number(value: float | None, text: str) -> Cell:
    """Return a cell of a number as ``text``, which may be a format for it."""
    return Cell(DASH) if value is None else Cell(text.format(value), float(value))
