"""Embeddings on the first screen: which layer a linear probe reads best."""

from __future__ import annotations

from typing import cast

from earmark.report.first import Answer, Entry, Pivot, View, listed
from earmark.report.material import Material
from earmark.report.words import interval, percent
from earmark.systems.embeddings.probe.record import Layer, Probed

MOST = 6
NOTE = (
    "Accuracy of a linear probe of each layer. In bold: the best layer of a line, and those whose interval "
    "reaches its value."
)


def answer(material: Material) -> Answer | None:
    """Return the first screen's part, None without probes."""
    records = cast("dict[str, Probed]", material.records("embeddings", "probe"))
    if not records:
        return None
    said = [sentence(record) for record in records.values()]
    more = [f"{len(said) - MOST} more in the table below."] if len(said) > MOST else []
    views = [_view(path, record) for path, record in records.items()]
    pivot = Pivot("What a linear probe reads off each layer", "layer", "accuracy and macro F1", views, [NOTE])
    return Answer([*said[:MOST], *more], [pivot])


def _best(record: Probed) -> tuple[Layer, list[str]]:
    """Return the best layer and the names of others whose interval reaches its accuracy."""
    best = max(record["layers"], key=lambda layer: layer["accuracy"]["value"] or 0.0)
    value = best["accuracy"]["value"] or 0.0
    near = [layer["layer"] for layer in record["layers"] if layer is not best and _reaches(layer, value)]
    return best, near


def _reaches(layer: Layer, value: float) -> bool:
    high = layer["accuracy"]["high"]
    return high is not None and high >= value


def sentence(record: Probed) -> str:
    """Return which layer tells most of a data set, and what cannot be told from it."""
    best, near = _best(record)
    found = best["accuracy"]
    text = (
        f"{record['model']}, {record['dataset']}: a linear probe is right most often on {best['layer']}, "
        f"{percent(found['value'])} {interval(found)} (always the most frequent class: "
        f"{percent(best['chance'])})"
    )
    if not near:
        return f"{text}."
    who = listed(near) if len(near) < 4 else f"{len(near)} of the other {len(record['layers']) - 1} layers"
    return f"{text}; the interval{'s' * (len(near) > 1)} of {who} reach{'es' * (len(near) == 1)} that too."


def _view(path: str, record: Probed) -> View:
    best, near = _best(record)
    lines: list[tuple[str, list[Entry | None]]] = []
    for layer in record["layers"]:
        found = layer["accuracy"]
        bold = layer is best or layer["layer"] in near
        score = Entry(percent(found["value"]), interval(found), bold, None, path, f"{found['n']} test clips")
        lines.append((layer["layer"], [score, Entry(percent(layer["f1_macro"]))]))
    where = f"{record['pooling']} over {record['span']}, seed {record['seed']}"
    return View(
        {"task": record["dataset"], "model": f"{record['model']} ({where})", "shown": "probe"},
        ["accuracy", "macro F1"],
        lines,
        ",".join(record["labels"]),
    )
