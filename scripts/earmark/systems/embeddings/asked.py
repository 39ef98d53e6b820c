"""What the jobs of embeddings are given: the rules write these as JSON, the jobs read them back."""

from __future__ import annotations

from earmark.config.section import Section
from earmark.models.chosen import Chosen
from earmark.systems.embeddings.config import Caption, Stored


class Model(Chosen):
    """The model whose layers are stored."""

    labels: list[str]


class Embed(Section):
    """What the embedding of one shard is given."""

    model: Model
    task: str
    block: Stored
    batch_audio_s: float
    device: str
    source: str
    """The kind of source that the clips come from."""


class Describing(Model):
    """The model that describes clips."""

    max_audio_s: float


class Described(Section):
    """The task whose clips are described."""

    name: str
    long_audio: str


class CaptionJob(Section):
    """What the description of a task's clips is given."""

    model: Describing
    task: Described
    caption: Caption
    seed: int
    device: str
