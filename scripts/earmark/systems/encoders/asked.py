"""What the jobs of encoder scoring are given: the rules write these as JSON, the jobs read them back.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from typing import Literal

from earmark.config.common import Report
from earmark.config.projector import Projector
from earmark.config.section import Section
from earmark.models.towers.asked import Tower
from earmark.systems.encoders.adapter import Adapter
from earmark.systems.encoders.blocks import MetricArgs, Training

Compat = Literal["none", "xares"]


class FetchJob(Section):
    """What fetching a shard is given: a file of a repository on the hub, or one at an address."""

    repo: str | None
    revision: str
    inside: str
    """Its path in the repository."""

    address: str


class FeaturesJob(Section):
    """What making a shard's features is given."""

    tower: Tower
    form: str
    """In which they are stored, as paths spell it."""

    device: str


class CheckJob(Section):
    """What the check of an encoder is given."""

    name: str
    tower: Tower
    device: str


class Kinds(Section):
    """The families of a composed model's parts."""

    encoder: str
    decoder: str


class Source(Section):
    """A data set that is trained on."""

    name: str
    prompts: list[str]
    """Of which one is drawn for every sample."""

    key: str | None
    """Fields of a sample's JSON that hold its text."""

    share: float
    """Of the samples drawn."""

    shards: list[str]


class TrainingJob(Section):
    """All that a training depends on, but for its files."""

    encoder: str
    suite: str
    tower: Tower
    kinds: Kinds
    sources: list[Source]
    training: Training
    projector: Projector
    normalise: bool
    lora: Adapter | None
    precision: str
    compat: Compat
    max_failed_share: float
    device: str


class AnswerJob(Section):
    """All that answering a data set depends on, but for its files."""

    encoder: str
    suite: str
    dataset: str
    prompts: list[str]
    key: str | None
    metric: str
    metric_args: MetricArgs
    batch_size: int
    shards: list[str]
    max_failed_share: float
    device: str


class ScoreJob(Section):
    """All that scoring the answers to a data set depends on, but for code and answers."""

    encoder: str
    suite: str
    dataset: str
    decoder: str
    compat: Compat
    metric: str
    metric_args: MetricArgs
    weight: int | float
    """In the overall mean, as it was spelt: 1 stays 1."""

    labels: list[str]
    max_failed_share: float
    bootstrap: int
    seed: int
    training: Training


class TableJob(Section):
    """What the table of an encoder's scores is given."""

    encoder: str
    suite: str
    weights: dict[str, int | float]
    """Of the data sets in the overall mean."""


class WrongAnswersJob(Section):
    """What collecting wrong answers is given."""

    report: Report
    shards: dict[str, dict[str, str]]
    """Of every result, the tars of its shards by their names."""
