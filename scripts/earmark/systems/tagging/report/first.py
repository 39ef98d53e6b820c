"""Tagging on the first screen: recipes against how much is merged, and what merging gains without a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from earmark.report.figures import Row
from earmark.report.first import Answer, Entry, Pivot, Times, View, shown
from earmark.report.material import Material
from earmark.report.words import MINUS, interval, percent
from earmark.report.words import difference as worded
from earmark.scoring.catalogue import measure
from earmark.scoring.multiple import correct
from earmark.systems.tagging.report.results import UNMERGED, Tagged, difference, differences, ordered
from earmark.systems.tagging.report.sections import widest
from earmark.systems.tagging.request import merged
from earmark.systems.tagging.timed import MERGED

MOST = 6
NOTE = (
    "In bold: the best of a column and all that cannot be told from it (paired on the same clips, corrected "
    "for their number; of speeds, overlapping ranges). Coloured: a difference to the same recipe unmerged is "
    "shown, blue for better and orange for worse."
)
Found = Mapping[tuple[str, str], Row]


def answer(material: Material) -> Answer | None:
    """Return the first screen's part, None without results of tagging."""
    records = material.records("tagging", "quality")
    results = ordered(Tagged(path, record) for path, record in records.items())
    if not results:
        return None
    found = differences(results)
    views = [view for members in grouped(results) for view in _views(members, found)]
    said = [text for members in grouped(results) for text in _sentences(members, found)]
    more = [f"{len(said) - MOST} more in the table below."] if len(said) > MOST else []
    return Answer([*said[:MOST], *more], [Pivot("Recipes and merging", "recipe", "r", views, [NOTE])])


def grouped(results: Sequence[Tagged]) -> list[list[Tagged]]:
    """Return the results of each task, device and seed."""

    def same(each: Tagged) -> tuple[str, ...]:
        speed = each.record["speed"]
        return tuple(map(str, (each.asked["task"], speed["device"], speed["threads"], each.asked["seed"])))

    return [list(group) for _, group in groupby(sorted(results, key=same), key=same)]


def _views(members: Sequence[Tagged], found: Found) -> Iterator[View]:
    first, columns = members[0], _columns(members)
    speed = first.record["speed"]
    place = f"{first.asked['task']} ({speed['device']}, seed {first.asked['seed']})"
    labels = ",".join(sorted({label for each in members for label in each.record["labels"]}))
    tied = {path for column in columns for path in _tied([m for m in members if m.asked["r"] == column])}

    def view(word: str, entry: Callable[[Tagged], Entry | None]) -> View:
        lines: dict[str, dict[str, Tagged]] = {}
        for each in members:
            lines.setdefault(each.asked["recipe"], {})[each.asked["r"]] = each
        cells = [
            (name, [entry(by[column]) if column in by else None for column in columns])
            for name, by in lines.items()
        ]
        return View({"task": place, "shown": word}, columns, cells, labels)

    yield view(measure(first.headline).axis, lambda each: _score(each, found, tied))
    yield view("difference to unmerged", lambda each: _apart(each, found))
    yield view("speed-up over unmerged", lambda each: _speed(each, members))


def _columns(members: Sequence[Tagged]) -> list[str]:
    return sorted({each.asked["r"] for each in members}, key=lambda r: (merged(r) is None, merged(r) or 0, r))


def _tied(members: Sequence[Tagged]) -> list[str]:
    """Return the paths of the best of a column and of what cannot be told from it."""
    known = [each for each in members if each.value is not None]
    if not known:
        return []
    best = max(known, key=lambda each: each.value or 0.0)
    rows = {each.path: difference(each, best) for each in known if each is not best and each.same_clips(best)}
    family = {path: row for path, row in rows.items() if row is not None}
    correct(family.values())
    return [best.path, *(path for path, row in family.items() if not shown(row["p_adjusted"]))]


def _score(each: Tagged, found: Found, tied: set[str]) -> Entry | None:
    score = each.record["metrics"][each.headline]
    if score["value"] is None:
        return None
    apart = found.get((each.path, UNMERGED))
    gain = apart["value"] if apart and shown(apart["p_adjusted"]) else None
    hover = f"{score['n']} clips; difference to unmerged: {worded(apart)}" if apart else f"{score['n']} clips"
    return Entry(percent(score["value"]), interval(score), each.path in tied, gain, each.path, hover)


def _apart(each: Tagged, found: Found) -> Entry | None:
    row = found.get((each.path, UNMERGED))
    if row is None:
        return None
    text = f"{100 * row['value']:+.1f}".replace("-", MINUS)
    gain = row["value"] if shown(row["p_adjusted"]) else None
    return Entry(text, interval(row), False, gain, each.path, worded(row))


def speed(each: Tagged) -> Times:
    """Return how many times as fast as unmerged a result is, in the largest batch."""
    side = widest(each).sides[MERGED]
    return Times(side.speedup, side.speedup_low, side.speedup_high)


def _speed(each: Tagged, members: Sequence[Tagged]) -> Entry:
    found = speed(each)
    fastest = max(speed(other).low for other in members if other.asked["r"] == each.asked["r"])
    ends = {"low": found.low, "high": found.high}
    return Entry(f"{found.value:.2f}", interval(ends, 1, 2), found.high >= fastest, None, each.path)


def _sentences(members: Sequence[Tagged], found: Found) -> Iterator[str]:
    """Yield what merging came to, recipe by recipe."""
    for recipe, group in groupby(members, key=lambda each: str(each.asked["recipe"])):
        rows = [(each, found[each.path, UNMERGED]) for each in group if (each.path, UNMERGED) in found]
        if rows:
            yield f"{members[0].asked['task']}, {recipe}: {_merging(rows)}."


def _merging(rows: Sequence[tuple[Tagged, Row]]) -> str:
    """Return the fastest schedule that loses nothing that shows, and what the fastest of all loses."""
    same = [(each, row) for each, row in rows if not shown(row["p_adjusted"]) or row["value"] > 0]
    parts = []
    if same:
        each, row = max(same, key=lambda pair: speed(pair[0]).value)
        parts.append(
            f"merging with r {each.asked['r']} shows no loss ({worded(row)}) at {speed(each)} the speed"
        )
    lossy = [pair for pair in rows if pair not in same]
    if lossy:
        each, row = max(lossy, key=lambda pair: speed(pair[0]).value)
        loss = interval({"low": -row["high"], "high": -row["low"]})
        points = f"{100 * -row['value']:.1f} points of {measure(each.headline).short}"
        text = f"r {each.asked['r']} loses {points} {loss}"
        parts.append(f"{text} at {speed(each)}" if same else f"{text} at {speed(each)} the speed")
    return "; ".join(parts if same else [f"every r tried loses; {parts[0]}"])
