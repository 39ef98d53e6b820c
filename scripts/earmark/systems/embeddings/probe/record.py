"""What a probe's record holds, as its maker writes it and the page reads it: probe.schema.json."""

from __future__ import annotations

from typing import TypedDict

from earmark.core.files import Json
from earmark.scoring.intervals import Estimate


class Layer(TypedDict):
    """What a linear classifier reads off one layer."""

    layer: str
    width: int
    accuracy: Estimate
    f1_macro: float
    n_train: int
    n_test: int
    test_sources: int
    chance: float
    """Of always naming the most frequent class."""
    C: list[float]
    """The inverse strength of regularisation in each fold."""


class Point(TypedDict):
    """A clip on the map."""

    clip_id: str
    x: float
    y: float
    label: str
    split: str


class Map(TypedDict):
    """A layer in the plane; ``clips`` counts all, ``points`` may be some of them."""

    layer: str
    method: str
    clips: int
    points: list[Point]


class Probed(TypedDict):
    """The record of a probe."""

    schema: str
    labels: list[str]
    model: str
    dataset: str
    pooling: str
    span: str
    seed: int
    split: str
    classes: list[str]
    left_out: dict[str, int]
    layers: list[Layer]
    map: Map
    provenance: Json
