"""The charts of token reduction, one function each: rows in, Vega-Lite specification out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from earmark.core.files import Json
from earmark.report.charts import COLOURS, INK, ROW, SHAPES, Row, Rows, fitted, level, plot, scaled, tooltips
from earmark.report.columns import STAGES
from earmark.report.figures import Look

FIRST = ("random", "frame", "dart", "fastv")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
STAGE_COLOURS = dict(
    zip(STAGES, ("#77aadd", "#99ddff", "#44bb99", "#ddcc77", "#ee8866", "#ffaabb"), strict=True)
)
TICKS = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


BASE, NO_GAIN, FLOPS = (Look(INK, "", dash) for dash in ([1, 0], [1, 3], [5, 4]))


def looks(reducers: Mapping[str, str]) -> dict[str, Look]:
    """Return a look per method: a colour per reducer, shape and dash tell its variants apart."""
    order = [name for name in FIRST if name in reducers.values()]
    order += sorted(set(reducers.values()) - {"base", *FIRST})
    found = {}
    for i, reducer in enumerate(order):
        variants = sorted((name for name, of in reducers.items() if of == reducer), key=lambda n: (len(n), n))
        for j, name in enumerate(variants):
            shape = SHAPES[(i + j) % len(SHAPES)]
            dash = DASHES[(j + i // len(COLOURS)) % len(DASHES)]
            found[name] = Look(COLOURS[i % len(COLOURS)], shape, dash)
    return found


def _ratio_axis(ratios: Sequence[float]) -> alt.X:
    """Return the axis of keep ratios: logarithmic, everything kept on the left."""
    low, high = min(ratios), max(ratios)
    ticks = [tick for tick in TICKS if low * 0.95 <= tick <= max(high, 1.0)] or [low]
    return alt.X(
        "x:Q",
        title="share of audio tokens kept (log scale)",
        scale=alt.Scale(type="log", domain=[low / 1.15, max(high, 1.0) * 1.1], reverse=True, nice=False),
        axis=alt.Axis(values=ticks, format="~%", grid=False),
    )


def _apart(rows: Rows, methods: Sequence[str]) -> list[Json]:
    """Set points of the same ratio 2 % apart, so that their intervals don't cover one another."""
    middle = (len(methods) - 1) / 2
    return [{**row, "x": row["ratio"] * 0.98 ** (methods.index(row["method"]) - middle)} for row in rows]


def _curves(
    rows: Rows,
    axis: alt.Y,
    ratios: Sequence[float],
    look: Mapping[str, Look],
    hover: Mapping[str, str],
) -> list[alt.Chart]:
    """Return a line per method with points and intervals (fields ``low`` and ``high``)."""
    methods = sorted({row["method"] for row in rows}, key=list(look).index)
    chart = plot(_apart(rows, methods)).encode(
        x=_ratio_axis(ratios),
        color=alt.Color("method:N", scale=scaled(methods, look, "colour"), legend=None),
    )
    lines = chart.mark_line(strokeWidth=1.8).encode(
        y=axis, strokeDash=alt.StrokeDash("method:N", scale=scaled(methods, look, "dash"), legend=None)
    )
    intervals = chart.mark_rule(strokeWidth=1.5, opacity=0.75).encode(y=alt.Y("low:Q"), y2="high:Q")
    points = chart.mark_point(filled=True, size=75, opacity=1).encode(
        y=alt.Y("value:Q"),
        shape=alt.Shape("method:N", scale=scaled(methods, look, "shape"), legend=None),
        tooltip=tooltips(hover),
    )
    return [intervals, lines, points]


ACCURACY_HOVER = {
    "method": "method",
    "asked": "kept, asked",
    "effective": "kept, effective",
    "layer": "pruned before layer",
    "score": "score",
    "difference": "difference to base",
    "n": "samples",
    "counts": "counts",
    "device": "device",
    "made": "from",
}


def quality(
    rows: Rows,
    references: Sequence[tuple[Look, Row]],
    ratios: Sequence[float],
    look: Mapping[str, Look],
    name: str = "accuracy",
) -> Json:
    """Accuracy or error rate against keep ratio; ``references`` are level lines: the base, guessing."""
    # An error rate passes 100 % where a model adds more words than there are.
    highest = max([1.0, *(row[end] for row in rows for end in ("value", "high") if row[end] is not None)])
    axis = alt.Y(
        "value:Q",
        title=name,
        scale=alt.Scale(domain=[0, highest]),
        axis=alt.Axis(format=".0%", tickCount=5),
    )
    below = [
        layer
        for line, row in references
        for layer in level(row, line, ACCURACY_HOVER if "made" in row else None)
    ]
    curves = _curves(rows, axis, ratios, look, ACCURACY_HOVER)
    return fitted(alt.layer(*below, *curves), 300)


SPEED_HOVER = {
    "method": "method",
    "asked": "kept",
    "tokens": "audio tokens kept",
    "layer": "pruned before layer",
    "speed": "measured speed-up",
    "flop": "by FLOPs alone",
    "seconds": "prefill",
    "n": "repeats",
    "made": "from",
}


def speedup(rows: Rows, ratios: Sequence[float], look: Mapping[str, Look]) -> Json:
    """Measured prefill speed-up against keep ratio beside what the FLOPs alone would give."""
    axis = alt.Y(
        "value:Q",
        title="prefill speed-up (times)",
        scale=alt.Scale(zero=True),
        axis=alt.Axis(format="~g", tickCount=6),
    )
    flops = [{"method": row["method"], "x": row["ratio"], "value": row["flop_value"]} for row in rows]
    line = (
        plot(flops)
        .mark_line(color=INK, strokeDash=FLOPS.dash, opacity=0.7, strokeWidth=1.5)
        .encode(x=_ratio_axis(ratios), y=axis, detail="method:N")
    )
    no_gain = level({"value": 1}, NO_GAIN)
    curves = _curves(rows, axis, ratios, look, SPEED_HOVER)
    return fitted(alt.layer(*no_gain, line, *curves), 300)


def stages(rows: Rows, runs: Sequence[str], shown: Sequence[str]) -> Json:
    """Median seconds per clip of each stage, laid end to end, one bar per run."""
    colours = [STAGE_COLOURS[stage] for stage in shown]
    chart = (
        plot([row for row in rows if row["stage"] in shown])
        .mark_bar()
        .encode(
            x=alt.X(
                "seconds:Q",
                title="median seconds per clip",
                axis=alt.Axis(format="~g", tickCount=5),
            ),
            y=alt.Y("run:N", sort=list(runs), title=None, axis=alt.Axis(labelLimit=140, ticks=False)),
            color=alt.Color("stage:N", scale=alt.Scale(domain=list(shown), range=colours), legend=None),
            order=alt.Order("order:Q"),
            tooltip=tooltips(
                {"run": "run", "stage": "stage", "median": "median", "n": "samples", "made": "from"}
            ),
        )
    )
    return fitted(chart, ROW * len(runs))


def classes(rows: Rows, runs: Sequence[str], names: Sequence[str], text: bool) -> Json:
    """Accuracy of each class (across) in each run (down); the number in the cell if ``text``."""
    chart = plot(rows).encode(
        x=alt.X("class:N", sort=list(names), title=None, axis=alt.Axis(orient="top", labelAngle=-55)),
        y=alt.Y("run:N", sort=list(runs), title=None, axis=alt.Axis(labelLimit=140, ticks=False)),
    )
    hover = {"run": "run", "class": "class", "accuracy": "accuracy", "n": "samples", "made": "from"}
    cells = chart.mark_rect().encode(
        color=alt.Color(
            "value:Q",
            scale=alt.Scale(scheme="cividis", domain=[0, 1]),
            legend=alt.Legend(
                title="accuracy",
                format=".0%",
                orient="bottom",
                gradientLength=180,
                direction="horizontal",
            ),
        ),
        tooltip=tooltips(hover),
    )
    numbers = chart.mark_text(fontSize=11).encode(
        text="number:N",
        color=alt.condition("datum.value < 0.55", alt.value("white"), alt.value("black")),
    )
    layers = alt.layer(cells, *([numbers] if text else []))
    # Slanted labels stick out on the right, where Vega reserves no room for them.
    return fitted(layers, ROW * len(runs), right=45)
