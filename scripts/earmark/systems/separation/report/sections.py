"""Separation on the page: a chart and a table of routers for each set, and the domains behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import altair as alt

from earmark.core.files import Json
from earmark.report import trend
from earmark.report.charts import COLOURS, INK, ROW, fitted, plot, tooltips
from earmark.report.figures import Cell, Figure, Section, Table, number
from earmark.report.material import Material
from earmark.report.words import DASH, MINUS, NBSP, banner, interval, origin, p_value
from earmark.systems.separation.report.comparisons import Row, differences
from earmark.systems.separation.request import ROUTERS

AXIS = "SDRi, dB"
COLUMNS = (
    "router",
    "SDRi",
    "SI-SDRi",
    "SDR",
    "SDRi to base",
    "SI-SDRi to base",
    "short of the oracle",
    "samples",
    "failed",
    "models used",
)
NUMBERS = frozenset(COLUMNS) - {"router", "models used"}
ON_A_PHONE = frozenset({"router", "SDRi", "SDRi to base"})
NOTES = (
    "SDRi and SI-SDRi are what the estimate gained over the mixture, in dB, with 95 % intervals over "
    "recordings. Turning down an equally loud mixture to half gains 3.0 dB of SDR and nothing of SI-SDR.",
    "The oracle takes the best model of each sample with its source in hand. No router can do better, and "
    "none of its numbers is a result.",
    "To base: the same samples without adapters, with 95 % intervals of the difference and p-values of a "
    "randomisation test, corrected by Holm's method for all comparisons of this table.",
)


def sections(material: Material) -> Iterator[Section]:
    """Yield a section per set, separator and seed."""
    records = sorted(material.records("separation", "separation").items(), key=lambda pair: _key(pair[1]))
    for _, group in groupby(records, key=lambda pair: _key(pair[1])[:-1]):
        yield _section(dict(group))


def _key(record: Json) -> tuple[str, str, int, int]:
    asked = record["asked"]
    return asked["task"], asked["model"], asked["seed"], ROUTERS.index(asked["router"])


def _section(found: Mapping[str, Json]) -> Section:
    members = list(found.values())
    asked, counts = members[0]["asked"], members[0]["counts"]
    mixture = members[0]["metrics"]["mixture_sdr"]
    facts = [
        f"set {asked['task']}",
        f"separator {asked['model']}",
        f"adapters {asked['adapter']}",
        f"{counts['scored']} of {counts['total']} samples scored",
        f"SDR of the mixtures {_decibels(mixture)}",
        members[0]["aggregation"],
        f"seed {asked['seed']}",
    ]
    remarks = [members[0]["remarks"][0]] if members[0]["remarks"] else []
    return Section(
        f"Separation: {asked['title']}",
        facts,
        banner(",".join(members[0]["labels"])),
        [[_routers(members), *([_classes(members)] if members[0]["per_class"] else [])]],
        [*remarks, *NOTES],
        [_table(found), *([_domains(members[0])] if members[0]["domains"] else [])],
        f"separation {asked['task']} {asked['model']}",
        {
            "task": asked["task"],
            "model": asked["model"],
            "made": origin(",".join(members[0]["labels"])),
        },
    )


def _routers(members: Sequence[Json]) -> Figure:
    """Return SDRi and its interval, router by router."""
    shown = [
        {
            "router": named(record),
            "bound": record["upper_bound"],
            **{key: record["metrics"]["sdri"][key] for key in ("value", "low", "high")},
            "text": _decibels(record["metrics"]["sdri"]),
        }
        for record in members
    ]
    order = [row["router"] for row in shown]
    at = alt.Y("router:N", sort=order, title=None)
    hover = tooltips({"router": "router", "text": "SDRi"})
    chart = plot(shown)
    bars = chart.mark_rule(color=INK, opacity=0.6).encode(x=alt.X("low:Q", title=AXIS), x2="high:Q", y=at)
    colour = alt.condition("datum.bound", alt.value(INK), alt.value(COLOURS[0]))
    points = chart.mark_point(filled=True, size=80, opacity=1).encode(
        x="value:Q", y=at, color=colour, tooltip=hover
    )
    return Figure(
        "Improvement by router",
        fitted(alt.layer(bars, points), 2 * ROW * len(shown) + 40),
        numbers="in the table of this section",
        trend=trend.extremes(shown, "router", "value", f"{{:.2f}}{NBSP}dB".format),
    )


def _classes(members: Sequence[Json]) -> Figure:
    """Return the classes' SDRi without an adapter, or of the first router there is."""
    record = members[0]
    shown = [
        {"class": row["class"], **{key: row["sdri"][key] for key in ("value", "low", "high")}}
        | {"text": _decibels(row["sdri"])}
        for row in record["per_class"]
    ]
    order = [row["class"] for row in sorted(shown, key=lambda row: -row["value"])][:40]
    shown = [row for row in shown if row["class"] in order]
    at = alt.Y("class:N", sort=order, title=None)
    chart = plot(shown)
    bars = chart.mark_rule(color=INK, opacity=0.6).encode(x=alt.X("low:Q", title=AXIS), x2="high:Q", y=at)
    points = chart.mark_point(filled=True, size=60, color=COLOURS[2], opacity=1).encode(
        x="value:Q", y=at, tooltip=tooltips({"class": "class", "text": "SDRi"})
    )
    title = f"Improvement by class, router {record['asked']['router']}"
    said = trend.extremes(shown, "class", "value", f"{{:.2f}}{NBSP}dB".format)
    chart = fitted(alt.layer(bars, points), ROW * len(shown) + 40)
    return Figure(title, chart, numbers="in the summary", trend=said)


def _table(found: Mapping[str, Json]) -> Table:
    lines, to_base = [], differences(found)
    for path, record in found.items():
        gained = to_base.get(path, {})
        metrics, counts = record["metrics"], record["counts"]
        used = ", ".join(f"{model} {count}" for model, count in record["usage"].items() if count)
        lines.append(
            [
                Cell(named(record)),
                *(_cell(metrics[name]) for name in ("sdri", "si_sdri", "sdr")),
                *(_gain(gained.get(name)) for name in ("sdri", "si_sdri")),
                _cell(record["regret"]),
                number(counts["scored"]),
                number(counts["failed"]),
                Cell(used),
            ]
        )
    return Table("Routers", COLUMNS, lines, numbers=NUMBERS, first=ON_A_PHONE)


def _domains(record: Json) -> Table:
    lines = [
        [Cell(domain["name"]), number(len(domain["classes"])), Cell(", ".join(domain["classes"]))]
        for domain in record["domains"]
    ]
    return Table(
        "Domains", ("domain", "classes", "which"), lines, numbers=frozenset({"classes"}), folded=True
    )


def named(record: Json) -> str:
    """Return what a router is called on the page."""
    router = str(record["asked"]["router"])
    return f"{router} (upper bound)" if record["upper_bound"] else router


def _gain(row: Row | None) -> Cell:
    """Return a difference to the base, its interval, and how likely so much is by luck."""
    if row is None:
        return Cell(DASH)
    luck = "" if row["p_value"] is None else p_value(row["p_adjusted"])
    ends = interval(row, 1, 2)
    return Cell(_signed(row["value"], "+"), row["value"], beside=", ".join(filter(None, (ends, luck))))


def _cell(metric: Json) -> Cell:
    """Return a value in dB with its interval beside it."""
    if metric["value"] is None:
        return Cell(DASH)
    return Cell(_signed(metric["value"]), metric["value"], beside=interval(metric, 1, 2))


def _signed(value: float, sign: str = "") -> str:
    return f"{round(value, 2) + 0.0:{sign}.2f}{NBSP}dB".replace("-", MINUS)  # no minus before 0


def _decibels(metric: Json) -> str:
    """Return a value in dB and its interval."""
    if metric["value"] is None:
        return DASH
    ends = "" if metric["low"] is None else f" [{metric['low']:.2f},{NBSP}{metric['high']:.2f}]"
    return f"{metric['value']:.2f}{NBSP}dB{ends}".replace("-", MINUS)
