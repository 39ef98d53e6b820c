"""What the jobs of separation are given: the rules write these as JSON, the jobs read them back.

They are not the models of :mod:`.config`, which see for what each key means, its unit and its limits: so a
word changed there makes no training stale.
"""

from __future__ import annotations

from typing import Literal

from earmark.config.section import Section, left_out
from earmark.config.wheel import Wheel

BatchNorm = Literal["frozen", "update"]
BASE, SOFT = "base", "soft"
"""Models that are of no domain: the network without adapters, and all of them merged."""


class Text(Section):
    """How a query becomes a vector."""

    kind: Literal["clap", "sentence", "spelled"]
    checkpoint: str | None = left_out()
    tokenizer: str | None = left_out()
    path: str | None = left_out()
    wheel: Wheel | None = left_out()
    size: int
    scale: float


class Sizes(Section):
    """Sizes of a network, but for the size of a query's vector."""

    channels: list[int]
    pools: list[list[int]]
    level: float | None
    compression: float
    patch: list[int]


class Recipe(Section):
    """A training on mixtures; see :class:`.training_keys.Training`."""

    steps: int
    batch_size: int
    seconds: float
    learning_rate: float
    warmup_steps: int
    decay: str
    clip_norm: float | None
    loss: str
    precision: str
    sounds: int
    low_db: int
    high_db: int
    speed: float
    same_domain_share: float
    validation_share: float
    validation_mixtures: int
    validate_every: int
    patience: int | None
    max_failed_share: float
    save_every: int


class Separator(Section):
    """What of a separator is the same whether it is read or trained."""

    separator: str
    labels: list[str]
    text: Text
    sizes: Sizes


class Imported(Separator):
    """A separator that is read from AudioSep's checkpoint."""

    checkpoint: str
    condition: int
    """Numbers in a query's vector."""


class Training(Section):
    """What every training is given."""

    task: str
    training: Recipe
    seed: int
    device: str


class Trained(Separator, Training):
    """A separator that is trained."""


class Adapter(Section):
    """A kind of adapter."""

    kind: Literal["reconv", "dora", "lora", "film"]
    rank: int
    blocks: list[str] | None
    batch_norm: BatchNorm


class DomainAdapter(Training):
    """The adapter of a domain, which is trained."""

    domain: str
    adapter: Adapter


class ReadAdapter(Section):
    """The adapter of a domain, which is read from a file of DP-LASS."""

    domain: str
    adapter: Adapter
    file: str


class Set(Section):
    """A set of mixtures."""

    layout: Literal["drawn", "audioset", "vggsound", "audiocaps", "clotho", "esc50", "music"]
    task: str | None = left_out()
    per_clip: int
    snr_db: list[int]
    root: str | None = left_out()
    table: str | None = left_out()
    query: Literal["caption", "labels"]


class Texts(Section):
    """A table of texts: a task's labels, or the queries of a rendered set."""

    text: Text
    mixtures: Set | None
    device: str


class Grouping(Section):
    """How classes are grouped to domains."""

    domains: int
    encoder: Literal["clap", "logmel"]
    candidates: list[int]
    as_published: bool
    clips_per_class: int
    groups: dict[str, list[str]]


class Partition(Section):
    """The partition of a task's classes."""

    task: str | None
    partition: Grouping
    text: Text
    seed: int
    device: str


class Scores(Section):
    """The scores of a model on a set."""

    set: str
    model: str
    mixtures: Set
    likeness: bool
    """Whether it is noted how much estimates sound like their queries."""

    chunk_s: float
    overlap_s: float
    batch: int | None
    temperature: float | None
    """Of the domains' probabilities, where the model's weights follow them."""

    excerpts: int
    seed: int
    device: str


class Question(Section):
    """What a result says was asked."""

    adapter: str
    model: str
    router: str
    seed: int
    task: str
    title: str


class Result(Section):
    """The result of a router on a set."""

    asked: Question
    labels: list[str]
    max_failed_share: float
    resamples: int
    router: str
    seed: int
    temperature: float
    unsure_above: float
