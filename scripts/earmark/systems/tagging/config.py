"""The part of the configuration that audio tagging owns, and what it adds to a task."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import FOLD, Count, Distinct, Name
from earmark.systems.tagging.training_keys import TrainingKeys


class Block(Section):
    """What `snakemake tagging` makes; a recipe's baseline comes along."""

    tasks: list[str] = Field(min_length=1)
    """files of config/tasks/ with a tagging section"""

    recipes: list[str] = Field(min_length=1)
    """files of config/recipes/"""

    r: list[str] = Field(min_length=1)
    """as in file names: 16 tokens in every layer; 16d, 16i: falling, rising along the layers; a name in
    tagging.schedules"""


class Speed(Section):
    """How the speed of students is measured."""

    batches: list[Count] = Field(default=[1, 8], min_length=1)
    """clips answered together"""

    repeats: int = Field(default=9, ge=3)
    """timed rounds; each runs every side once"""


class Sweep(Section):
    """Students that tag audio, with and without a teacher, at several merging schedules."""

    grid: list[Block] = []
    """what `snakemake tagging` makes; a recipe's baseline comes along"""

    schedules: dict[Name, Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]] = {}
    """name -> tokens merged in each layer; missing layers merge none"""

    bootstrap: int = Field(default=1000, ge=100)
    """resamples behind each interval"""

    batch: Count = 16
    """clips answered together"""

    speed: Speed = Speed()
    """how the speed of students is measured"""


class Tagging(Section):
    """The keys of config that audio tagging owns."""

    tagging: Sweep = Sweep()
    """students that tag audio, with and without a teacher, at several merging schedules (docs/tagging.md)"""

    recipes: dict[Name, Any] = {}
    """overrides of config/recipes/*.yaml"""

    students: dict[Name, Any] = {}
    """overrides of config/students/*.yaml"""

    teachers: dict[Name, Any] = {}
    """overrides of config/teachers/*.yaml"""


class Statistics(Section):
    """Mean and standard deviation of the log-mel cells."""

    mean: float
    """of all cells"""

    std: float = Field(gt=0)
    """of all cells"""


class TaskTagging(Section):
    """The task as one of naming what is heard."""

    kind: Literal["multi_label", "single_label"]
    """multi_label: any number of classes at once; single_label: exactly one"""

    classes: Distinct[str] | None = Field(default=None, min_length=2)
    """the classes in order; null: the source's own list, or else all labels of the data, sorted"""

    frames: int = Field(ge=16)
    """length of the spectrogram, 10 ms each: longer clips are cut (and counted), shorter ones padded"""

    statistics: Statistics | None = None
    """mean and standard deviation of the log-mel cells; null: computed from the training clips"""

    folds: Distinct[Annotated[str, Field(pattern=FOLD)]] | None = Field(default=None, min_length=2)
    """values of the clips' group, each tested on in turn by a training on all the others; null: the task's
    own splits"""

    validation_share: float = Field(default=0.1, gt=0, lt=1)
    """share of the training recordings that choose the checkpoint and are not trained on"""

    validation_group: str | None = None
    """group of the clips that choose the checkpoint instead, where the data set names some; null: the share
    is drawn"""

    training: TrainingKeys = TrainingKeys()
    """laid under the training of a recipe"""


class TaggedTask(Section):
    """The keys of a task that audio tagging owns."""

    tagging: TaskTagging | None = None
    """the task as one of naming what is heard, for students of config/recipes/ (results/tagging/); null: it
    isn't one"""
