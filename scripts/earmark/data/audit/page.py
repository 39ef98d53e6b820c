"""The audit as one HTML page that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import altair as alt

from earmark.core.files import Json, replacing
from earmark.report import shell
from earmark.report.charts import COLOURS, ROW, fitted, plot
from earmark.report.figures import Figure
from earmark.report.words import DASH, NBSP, banner

SHOWN = 50
"""Items of a finding on the page; the record has more."""

LABELS = 40
"""Labels in the chart; the table has all of them."""

LONGEST = 300
"""Characters of an untrusted text on the page."""

COLUMNS = (
    "clips",
    "hours",
    "mean",
    "median",
    "min",
    "max",
    "std",
    "5 %",
    "25 %",
    "75 %",
    "90 %",
    "95 %",
    "99 %",
)


def write(record: Json, output: Path) -> None:
    """Write the page of an audit's record."""
    with replacing(output) as partial:
        partial.write_text(build(record))


def build(record: Json) -> str:
    """Return the page as HTML."""
    found = [finding for finding in record["findings"] if finding["count"]]
    return shell.render(
        Path(__file__).with_name("page.html"),
        record=record,
        overall=record["clips"]["overall"],
        warning=banner(",".join(record["labels"])),
        hours=_hours(record["overall"]["lengths"]["hours"])
        if record["overall"]["lengths"]
        else "0" + NBSP + "h",
        found=found,
        clear=[finding for finding in record["findings"] if finding["count"] == 0],
        unknown=[finding for finding in record["findings"] if finding["count"] is None],
        shown=SHOWN,
        figures=list(_figures(record)),
        columns=COLUMNS,
        lengths=[
            (name, _row(described["lengths"])) for name, described in _parts(record) if described["lengths"]
        ],
        tokens=[
            (name, _tokens(described["tokens"])) for name, described in _parts(record) if described["tokens"]
        ],
        per_second=next((d["tokens"]["per_second"] for _, d in _parts(record) if d["tokens"]), 0),
        by_label=[
            (name, [(_short(each["label"]), _row(each)) for each in described["by_label"]])
            for name, described in _parts(record)
            if described["by_label"]
        ],
        estimates=[_estimate(each) for each in record["estimates"]],
        speeds=list(next((e["seconds_at"] for e in record["estimates"] if e["seconds_at"]), {})),
        properties=[(name, values) for name, values in record["properties"].items() if values],
        provenance=list(_flat("", {k: v for k, v in record["provenance"].items() if k != "config"})),
        short=_short,
        hour=_hours,
    )


def _parts(record: Json) -> list[tuple[str, Json]]:
    """Return name and description of every split, and of all together where there are several."""
    splits = list(record["splits"].items())
    return ([("all", record["overall"])] if len(splits) > 1 else []) + splits


def _figures(record: Json) -> Iterator[Figure]:
    """Yield the charts: how long clips are, how much there is of each label."""
    splits = {name: each for name, each in record["splits"].items() if each["lengths"]}
    if not splits:
        return
    colours = dict(zip(record["splits"], COLOURS))
    yield Figure(
        "Lengths of the clips",
        _histogram(splits, colours),
        [(name, colours[name]) for name in splits],
        numbers="in the table of lengths",
    )
    hours: dict[str, float] = {}
    for each in record["overall"]["by_label"]:
        hours[each["label"]] = each["hours"]
    chosen = sorted(hours, key=lambda label: (-hours[label], label))[:LABELS]
    if chosen:
        rows = [
            {"label": _short(each["label"]), "split": name, "hours": each["hours"], "clips": each["count"]}
            for name, described in splits.items()
            for each in described["by_label"]
            if each["label"] in set(chosen)
        ]
        notes = [f"The {LABELS} labels with the most audio of {len(hours)}."] if len(hours) > LABELS else []
        yield Figure(
            "Hours of each label",
            _hours_chart(rows, [_short(label) for label in chosen], colours, list(splits)),
            [(name, colours[name]) for name in splits],
            notes,
            numbers="in the tables of labels",
        )


def _scale(names: list[str], colours: Mapping[str, str]) -> alt.Scale:
    """Return the colours of the splits."""
    return alt.Scale(domain=names, range=[colours[name] for name in names])


def _histogram(splits: Json, colours: Mapping[str, str]) -> Json:
    """Return the clips per bin of length, splits side by side, without the empty ends."""
    bins = list(next(iter(splits.values()))["lengths"]["histogram"])
    counts = {name: each["lengths"]["histogram"] for name, each in splits.items()}
    used = [i for i, b in enumerate(bins) if any(count[b] for count in counts.values())]
    shown = bins[used[0] : used[-1] + 1]

    def words(name: str) -> str:
        low, _, high = name.partition("-")
        return f"{low}–{high} s" if high else f"from {low} s"

    rows = [
        {"length": words(name), "split": split, "clips": count[name]}
        for split, count in counts.items()
        for name in shown
    ]
    chart = (
        plot(rows)
        .mark_bar()
        .encode(
            x=alt.X(
                "length:N", sort=[words(name) for name in shown], title=None, axis=alt.Axis(labelAngle=-40)
            ),
            xOffset=alt.XOffset("split:N", sort=list(splits)),
            y=alt.Y("clips:Q", title="clips", axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color("split:N", scale=_scale(list(splits), colours), legend=None),
            tooltip=[alt.Tooltip(f"{field}:N", title=field) for field in ("length", "split", "clips")],
        )
    )
    return fitted(chart, 260)


def _hours_chart(rows: list[Json], labels: list[str], colours: Mapping[str, str], splits: list[str]) -> Json:
    """Return the hours of each label, splits end to end."""
    chart = (
        plot(rows)
        .mark_bar()
        .encode(
            x=alt.X("hours:Q", title="hours", axis=alt.Axis(tickCount=5, format="~g")),
            y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=180, ticks=False)),
            color=alt.Color("split:N", scale=_scale(splits, colours), legend=None),
            tooltip=[
                alt.Tooltip(f"{field}:N", title=field) for field in ("label", "split", "hours", "clips")
            ],
        )
    )
    return fitted(chart, max(ROW * len(labels), 60))


def _row(lengths: Json) -> list[str]:
    """Return the cells of a row of lengths."""
    values = [lengths[name] for name in ("mean", "median", "min", "max", "std")]
    values += list(lengths["percentiles"].values())
    return [f"{lengths['count']:,}", _hours(lengths["hours"]), *(_seconds(value) for value in values)]


def _tokens(tokens: Json) -> list[str]:
    """Return the cells of a row of tokens."""
    values = [tokens[name] for name in ("total", "mean", "median", "min", "max", "std")]
    return [f"{value:,.0f}" for value in (*values, *tokens["percentiles"].values())]


def _estimate(each: Json) -> Json:
    """Return the cells of a row of estimates."""
    flops = [each["encoder_flops"], each["prefill_flops"]]
    return {
        "model": each["model"],
        "split": each["split"],
        "over": each["clips_over_max_audio_s"],
        "limit": f"{each['max_audio_s']:g}",
        "tokens": f"{each['audio_tokens']:,}",
        "flops": [_tera(value) for value in flops],
        "bytes": [_bytes(each["kv_cache_bytes_longest_clip"]), _bytes(each["feature_bytes"])],
        "times": list(map(_time, each["seconds_at"].values())) if each["seconds_at"] else None,
    }


def _short(text: str) -> str:
    """Return a text, cut where it is longer than a page should show."""
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _hours(hours: float) -> str:
    """Return hours, or minutes and seconds under one, as people read them."""
    if hours >= 1:
        return f"{hours:,.1f}{NBSP}h"
    return f"{60 * hours:.1f}{NBSP}min" if hours >= 1 / 60 else f"{3600 * hours:.1f}{NBSP}s"


def _seconds(value: float) -> str:
    """Return seconds with the digits that matter."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _time(seconds: float) -> str:
    """Return a time to one or two digits."""
    for unit, factor in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * factor:
            return (
                f"about {seconds / factor:.2g}{NBSP}{unit}"
                if seconds < 100 * factor
                else f"{seconds / factor:,.0f}{NBSP}{unit}"
            )
    return f"about {seconds:.2g}{NBSP}s" if seconds >= 1 else f"under 1{NBSP}s"


def _tera(flops: float | None) -> str:
    """Return operations in 10^12 of them."""
    if flops is None:
        return DASH
    return f"{flops / 1e12:,.0f}" if flops >= 1e14 else f"{flops / 1e12:.2g}"


def _bytes(size: float | None) -> str:
    """Return bytes as people read them."""
    if size is None:
        return DASH
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f}{NBSP}{unit}"
    return f"{size / 1e3:.1f}{NBSP}kB"


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested settings as dotted name and text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, _short(str(value))
