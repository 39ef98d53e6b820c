"""Separation on the first screen: what routers gain over no adapter, and what is short of the oracle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from earmark.core.files import Json
from earmark.report.figures import Cell, Table
from earmark.report.first import Answer, Entry, Pivot, View, listed, shown
from earmark.report.material import Material
from earmark.report.paper import captioned
from earmark.report.words import DASH, MINUS, NBSP, interval
from earmark.scoring.catalogue import measure
from earmark.systems.separation.asked import BASE
from earmark.systems.separation.report.comparisons import Row, differences
from earmark.systems.separation.report.sections import named
from earmark.systems.separation.request import ROUTERS

Record = Json
Group = dict[str, Record]
MOST = 6
MEASURED = ("sdri", "si_sdri", "sdr")
COMPARED = ("sdri", "si_sdri")
PER_SHARE = 10.0
"""Decibels that colour a cell as a whole share would: 0.2 and 1 dB are its steps."""

NOTE = (
    "In dB. In bold: the best router of a column and those whose interval reaches its value; the oracle, an "
    "upper bound, is not among them. Coloured: a difference to the base is shown (randomisation test, "
    "corrected for all routers and measures of a set), blue for better and orange for worse."
)


def answer(material: Material) -> Answer | None:
    """Return the first screen's part, None without separations."""
    groups = grouped(material)
    if not groups:
        return None
    said = [sentence(group) for group in groups]
    more = [f"{len(said) - MOST} more in the table below."] if len(said) > MOST else []
    views = [view for group in groups for view in _views(group)]
    pivot = Pivot("Routers and what they gain", "router", "what was measured", views, [NOTE])
    return Answer([*said[:MOST], *more], [pivot])


def grouped(material: Material) -> list[Group]:
    """Return the results of each set, separator and seed, by path, routers in their order."""

    def same(pair: tuple[str, Record]) -> tuple[str, ...]:
        asked = pair[1]["asked"]
        return str(asked["task"]), str(asked["model"]), str(asked["adapter"]), str(asked["seed"])

    def key(pair: tuple[str, Record]) -> tuple[tuple[str, ...], int]:
        return same(pair), ROUTERS.index(pair[1]["asked"]["router"])

    found = sorted(material.records("separation", "separation").items(), key=key)
    return [dict(group) for _, group in groupby(found, key=same)]


def sentence(group: Group) -> str:
    """Return what routers gained over no adapter, as far as that is shown."""
    first = next(iter(group.values()))
    asked, name = first["asked"], first["headline"]
    word = measure(name).short
    who = f"{asked['model']}, {asked['task']}: "
    base = next((record for record in group.values() if record["asked"]["router"] == BASE), None)
    if base is None:
        return f"{who}nothing to compare, as there is no result without adapters."
    parts = [f"without adapters the {word} is {_decibels(base['metrics'][name])}"]
    apart = {path: rows[name] for path, rows in differences(group).items() if name in rows}
    tested = {path: row for path, row in apart.items() if not group[path]["upper_bound"]}
    for path, row in sorted(tested.items(), key=lambda pair: -pair[1]["value"]):
        if shown(row["p_adjusted"]):
            verb = "gains" if row["value"] > 0 else "loses"
            parts.append(f"router {group[path]['asked']['router']} {verb} {_decibels(_sized(row))}")
    same = [group[path]["asked"]["router"] for path, row in tested.items() if not shown(row["p_adjusted"])]
    if same:
        parts.append(f"for {listed(same)} no difference to that is shown")
    bound = next((row for path, row in apart.items() if group[path]["upper_bound"]), None)
    if bound is not None:
        parts.append(f"no router can gain more than the oracle's {_decibels(bound)}")
    return f"{who}{'; '.join(parts)}."


def _sized(row: Row) -> Row:
    """Return a difference counted in its own direction."""
    if row["value"] >= 0:
        return row
    return {"value": -row["value"], "low": _minus(row["high"]), "high": _minus(row["low"])}


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _decibels(found: Json) -> str:
    text = f"{found['value']:.2f}".replace("-", MINUS)
    return f"{text}{NBSP}dB {interval(found, 1, 2)}".strip()


def _views(group: Group) -> Iterator[View]:
    first = next(iter(group.values()))
    asked = first["asked"]
    model = f"{asked['model']} (adapters {asked['adapter']}, seed {asked['seed']})"
    choice = {"task": asked["task"], "model": model}
    labels = ",".join(first["labels"])
    apart = differences(group)
    scores = [
        (named(record), [_score(path, record, name, group, apart) for name in MEASURED])
        for path, record in group.items()
    ]
    yield View(choice | {"shown": "improvement"}, [measure(name).short for name in MEASURED], scores, labels)
    gained = [
        (named(group[path]), [_apart(path, rows.get(name)) for name in COMPARED])
        for path, rows in apart.items()
    ]
    if gained:
        heads = [measure(name).short for name in COMPARED]
        yield View(choice | {"shown": "difference to base"}, heads, gained, labels)


def _score(
    path: str, record: Record, name: str, group: Group, apart: Mapping[str, Mapping[str, Row]]
) -> Entry | None:
    found = record["metrics"][name]
    if found["value"] is None:
        return None
    rivals = [
        each["metrics"][name]["value"]
        for each in group.values()
        if not each["upper_bound"] and each["metrics"][name]["value"] is not None
    ]
    reached = found["value"] if found["high"] is None else found["high"]
    best = not record["upper_bound"] and reached >= max(rivals)
    gain = _gain(apart.get(path, {}).get(name))
    text = f"{found['value']:.2f}".replace("-", MINUS)
    return Entry(text, interval(found, 1, 2), best, gain, path, f"{found['n']} samples")


def _apart(path: str, row: Row | None) -> Entry | None:
    if row is None:
        return None
    return Entry(f"{row['value']:+.2f}".replace("-", MINUS), interval(row, 1, 2), False, _gain(row), path)


def _gain(row: Row | None) -> float | None:
    """Return what colours a cell: a difference that is shown; the oracle's is not tested."""
    return row["value"] / PER_SHARE if row and shown(row.get("p_adjusted")) else None


def papers(material: Material) -> Iterator[Table]:
    """Yield the gain of every class under every router."""
    for group in grouped(material):
        first = next(iter(group.values()))
        asked = first["asked"]
        found = {
            named(record): {row["class"]: row["sdri"] for row in record["per_class"]}
            for record in group.values()
        }
        classes = sorted({name for rows in found.values() for name in rows})
        if classes:
            yield Table(
                f"each class {asked['task']} {asked['model']} seed {asked['seed']}",
                ["class", *found],
                [[Cell(name), *(_class(rows.get(name)) for rows in found.values())] for name in classes],
                [f"adapters {asked['adapter']}, seed {asked['seed']}, {first['aggregation']}"],
                frozenset(found),
                caption=captioned(
                    f"SDRi (dB, 95 % interval) of each class: {asked['task']}, {asked['model']}.",
                    ",".join(first["labels"]),
                ),
                across="router",
            )


def _class(found: Json | None) -> Cell:
    if found is None or found["value"] is None:
        return Cell(DASH)
    text = f"{found['value']:.2f}".replace("-", MINUS)
    return Cell(text, found["value"], beside=interval(found, 1, 2))
