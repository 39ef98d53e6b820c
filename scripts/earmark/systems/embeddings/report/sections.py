"""Linear probes on the page: accuracy layer by layer, and the map of the best layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

import altair as alt

from earmark.core.files import Json
from earmark.report import charts, trend
from earmark.report.charts import COLOURS, SHAPES, Row, Rows, fitted, level, plot, tooltips
from earmark.report.figures import Cell, Figure, Legend, Look, Section, Table
from earmark.report.material import Material
from earmark.report.overview import differing_versions
from earmark.report.rows import made as made_by
from earmark.report.words import banner, interval, made, origin, percent
from earmark.systems.embeddings.probe.record import Probed

CURVE = Look(COLOURS[0], SHAPES[0], [1, 0])
REST = Look("#8a929c", SHAPES[0], [])
NAMED = len(COLOURS) * len(SHAPES) - 6  # labels with a look of their own; more can't be told apart
WIDE = 18  # pixels a layer's name needs
FEW = 10  # recordings, below which an interval speaks of these alone
OWN_TABLE = "in the table below the charts"
CURVE_HOVER = {
    "layer": "layer",
    "accuracy": "accuracy",
    "f1": "F1 macro",
    "guessing": "most frequent class",
    "n": "test clips",
    "left_out": "left out",
    "made": "from",
}


def label_looks(labels: Sequence[str]) -> dict[str, Look]:
    """Return a colour and shape per label; beyond :data:`NAMED`, the rarest share a grey one."""
    count = Counter(labels)
    ranked = sorted(count, key=lambda name: (-count[name], name))
    own = sorted(ranked[:NAMED])
    found = {
        name: Look(COLOURS[i % len(COLOURS)], SHAPES[(i + i // len(COLOURS)) % len(SHAPES)], [])
        for i, name in enumerate(own)
    }
    return found | dict.fromkeys(ranked[NAMED:], REST)


def probe_curve(rows: Rows) -> Json:
    """Accuracy of the probe with its interval, layer by layer in the order of the network."""
    layers = [row["layer"] for row in rows]
    chart = plot(rows).encode(
        x=alt.X(
            "layer:N",
            sort=layers,
            title="layer, in the order of the network",
            scale=alt.Scale(type="point", padding=0.5),
            axis=alt.Axis(labelAngle=-45, labelOverlap=False, grid=False),
        ),
        order=alt.Order("position:Q"),
    )
    axis = alt.Y(
        "value:Q",
        title="accuracy of the probe",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", tickCount=5),
    )
    intervals = chart.mark_rule(strokeWidth=1.5, opacity=0.75, color=CURVE.colour).encode(
        y=alt.Y("low:Q"), y2="high:Q"
    )
    line = chart.mark_line(strokeWidth=1.8, color=CURVE.colour).encode(y=axis)
    points = chart.mark_point(filled=True, size=75, opacity=1, color=CURVE.colour).encode(
        y=alt.Y("value:Q"), tooltip=tooltips(CURVE_HOVER)
    )
    guessing = level({"value": max(row["chance"] for row in rows)}, charts.GUESSING)
    return fitted(alt.layer(*guessing, intervals, line, points), 340)


def embedding_map(points: Rows, looks: Mapping[str, Look]) -> Json:
    """Clips as points: colour and shape tell the label, filled is test and hollow training."""
    names = [name for name in looks if any(point["label"] == name for point in points)]

    def scale(field: str) -> alt.Scale:
        return alt.Scale(domain=names, range=[getattr(looks[name], field) for name in names])

    def axis(field: str) -> Json:
        scale = alt.Scale(zero=False, nice=False, padding=12)
        return {"shorthand": f"{field}:Q", "axis": None, "scale": scale}

    hover = {"clip_id": "clip", "label": "label", "split": "split"}
    chart = plot(points).encode(
        x=alt.X(**axis("x")),
        y=alt.Y(**axis("y")),
        fill=alt.Fill("label:N", scale=scale("colour"), legend=None),
        stroke=alt.Stroke("label:N", scale=scale("colour"), legend=None),
        shape=alt.Shape("label:N", scale=scale("shape"), legend=None),
        tooltip=tooltips(hover),
    )
    size = 55 if len(points) <= 400 else 30
    hollow = chart.transform_filter("datum.split !== 'test'").mark_point(
        size=size, strokeWidth=1.2, strokeOpacity=0.8, fillOpacity=0
    )
    filled = chart.transform_filter("datum.split === 'test'").mark_point(
        size=size, strokeWidth=1.2, strokeOpacity=0.9, fillOpacity=0.85
    )
    return fitted(alt.layer(hollow, filled), 340)


def _row(record: Probed, place: int, path: str) -> Row:
    """Return what the curve needs of a layer."""
    layer = record["layers"][place]
    accuracy, origin = layer["accuracy"], record["provenance"]
    return {
        "layer": layer["layer"],
        "position": place,
        "value": accuracy["value"],
        "low": accuracy["low"],
        "high": accuracy["high"],
        "n": accuracy["n"],
        "chance": layer["chance"],
        "accuracy": f"{percent(accuracy['value'])} {interval(accuracy)}",
        "f1": percent(layer["f1_macro"]),
        "guessing": percent(layer["chance"]),
        "left_out": _left_out(record) or "none",
        "made": made({"result": path, "code": origin.get("code")}),
    }


def _left_out(record: Probed) -> str:
    return ", ".join(f"{n} {why}" for why, n in record["left_out"].items() if n)


def _curve_figure(record: Probed, path: str) -> Figure:
    """Return the curve with what its intervals mean."""
    rows = [_row(record, place, path) for place in range(len(record["layers"]))]
    first = record["layers"][0]
    if record["split"] == "split":
        how = f"Trained on {first['n_train']} clips, tested on {first['n_test']}, split as the data are."
    else:
        how = (
            f"Each of {first['n_test']} clips was tested by a probe trained on others "
            f"({len(first['C'])} folds)."
        )
    notes = [
        f"{how} No original recording is on both sides; the strength of regularisation was chosen "
        "on the training part alone."
    ]
    sources = first["test_sources"]
    if sources < FEW:
        notes.append(
            f"The tested clips stem from {sources} source{'s' * (sources != 1)} only: the bars tell how "
            "sure the accuracy on further clips of these is, not on others."
        )
    elif any(layer["accuracy"]["interval"] != "wilson" for layer in record["layers"]):
        notes.append(f"Bars are 95 % intervals over the {sources} sources.")
    else:
        notes.append("Bars are 95 % intervals (Wilson).")
    if _left_out(record):
        notes.append(f"Clips left out: {_left_out(record)}.")
    chance = percent(max(row["chance"] for row in rows))
    legend: Legend = [("linear probe", CURVE), (f"always the most frequent class {chance}", charts.GUESSING)]
    title = "What a linear probe reads off each layer"
    said = trend.extremes(rows, "layer", "value", percent)
    return Figure(title, probe_curve(rows), legend, notes, WIDE * len(rows), OWN_TABLE, "probe", said)


def _map_figure(record: Probed) -> Figure:
    """Return the map with what it does not mean."""
    drawn = record["map"]
    points = drawn["points"]
    looks = label_looks([point["label"] for point in points])
    legend: Legend = [(name, look) for name, look in looks.items() if look is not REST]
    rest = sum(look is REST for look in looks.values())
    legend += [(f"{rest} rarer labels", REST)] if rest else []
    splits = {point["split"] for point in points}
    notes = ["Filled points are test clips, hollow ones training clips."] if len(splits) > 1 else []
    if drawn["method"] == "PCA":
        notes.append("The two main components of the vectors: there are too few clips for t-SNE.")
    else:
        notes.append(
            "t-SNE of the main components: neighbours on the map are alike, distances between far "
            "points and sizes of clusters mean nothing. The map knows nothing of the labels."
        )
    if len(points) < drawn["clips"]:
        notes.append(f"{len(points)} of {drawn['clips']} clips, as many of each label as there are.")
    title = f"Map of layer {drawn['layer']}"
    if len(record["layers"]) > 1:
        title += ", the best of the probe"
    return Figure(title, embedding_map(points, looks), legend, notes, 0, OWN_TABLE, "map")


def sections(material: Material) -> list[Section]:
    """Return a section for every probe, marked with its versions of packages where not all have the same."""
    records = cast("dict[str, Probed]", material.records("embeddings", "probe"))
    versions = differing_versions([made_by(record) for record in records.values()])
    return [
        section(record, path, text) for (path, record), text in zip(records.items(), versions, strict=True)
    ]


def section(record: Probed, path: str, versions: str = "") -> Section:
    """Return the section of a probe's record at ``path``: the curve, the map, the numbers of each layer."""
    curve, picture = _curve_figure(record, path), _map_figure(record)
    return Section(
        f"Embeddings of {record['dataset']}",
        [
            f"model {record['model']}",
            f"{record['pooling']} over {record['span']}",
            f"{len(record['classes'])} labels",
            f"seed {record['seed']}",
            *([f"made with {versions}"] if versions else []),
        ],
        banner(",".join(record["labels"])),
        # A deep model's curve takes the whole width; the map then stands below.
        [[curve, picture]] if curve.min_width <= 460 else [[curve], [picture]],
        tables=[_table(record)],
        key=f"embeddings {record['dataset']} {record['model']}",
        of={"task": record["dataset"], "model": record["model"], "made": origin(",".join(record["labels"]))},
    )


def _table(record: Probed) -> Table:
    """Return the numbers of each layer."""
    columns = ["layer", "width", "accuracy", "F1 macro", "most frequent class", "test clips", "C"]
    lines = [
        [
            Cell(layer["layer"]),
            Cell(str(layer["width"]), layer["width"]),
            Cell(
                f"{percent(layer['accuracy']['value'])} {interval(layer['accuracy'])}",
                layer["accuracy"]["value"],
            ),
            Cell(percent(layer["f1_macro"]), layer["f1_macro"]),
            Cell(percent(layer["chance"]), layer["chance"]),
            Cell(str(layer["n_test"]), layer["n_test"]),
            Cell(", ".join(f"{strength:g}" for strength in layer["C"])),
        ]
        for layer in record["layers"]
    ]
    notes = [f"Clips left out: {_left_out(record) or 'none'}."]
    return Table("The numbers of each layer", columns, lines, notes, frozenset(columns[1:-1]), folded=True)
