"""What the jobs of audio tagging are given: the rules write these as JSON, the jobs read them back.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.merging.schedule import Schedule
from earmark.systems.tagging.architecture import Architecture, Shape
from earmark.systems.tagging.config import Statistics
from earmark.systems.tagging.settings import Training
from earmark.systems.tagging.training_keys import TrainingKeys

Kind = Literal["multi_label", "single_label"]


class Input(Section):
    """How a clip reaches a model: the kind of its targets, and the length of its spectrogram."""

    kind: Kind
    frames: int
    """Of 10 ms."""


class Choosing(Section):
    """Which recordings choose the checkpoint, and so are not trained on."""

    validation_share: float
    validation_group: str | None
    """The group of those clips instead, where the data name some."""


class Scheduled(Section):
    """A merging schedule, as config names it."""

    r: str
    schedules: dict[str, list[int]]
    """The schedule under its name, if config lists it: tokens merged in each layer."""

    @property
    def schedule(self) -> Schedule:
        """The schedule; raises UserError for a name that is none."""
        return Schedule.parse(self.r, self.schedules)


class ClassesJob(Section):
    """What listing a task's classes is given."""

    kind: Kind
    classes: list[str] | None
    """In order; None: the source's own list, or else the labels of the data."""

    folds: list[str] | None


class StatisticsJob(Choosing):
    """What computing the statistics of spectrograms is given."""

    frames: int
    statistics: Statistics | None
    """Those that config gives, which stand for every fold."""

    folds: list[str] | None


class TrainingTask(Choosing, Input):
    """A task, as far as a student is trained on it."""

    folds: list[str] | None


class NamedArchitecture(Architecture):
    """A student to be trained."""

    name: str


class TrainingJob(Scheduled):
    """All that the training of a student depends on, but for code and files; ``r`` is merged by meanwhile."""

    task: str
    recipe: str
    fold: str
    train_seed: int
    seed: int
    tagging: TrainingTask
    student: NamedArchitecture
    teachers: list[str]
    weight: float = Field(alias="lambda")
    """Of the loss against the labels."""

    tau: float
    unlabelled_by_teacher: Literal["refuse", "labels"]
    proportional: bool
    training: Training
    labels: list[str]
    device: str


class LogitsPlace(Section):
    """Where the logits of a teacher lie."""

    folder: str
    splits: list[str]


class Places(Section):
    """The folders that a training reads from, and the shards in them."""

    fbank: str
    audio: str | None
    """None where nothing is mixed."""

    logits: list[LogitsPlace]
    """Of each teacher."""

    shards: dict[str, int]
    """The number of shards of every split."""


class PredictionJob(Scheduled):
    """All that the predictions of one run depend on, but for code and files."""

    task: str
    tagging: Input
    fold: str
    train_seed: int
    proportional: bool
    batch: int
    device: str


class TimedStudent(Shape):
    """A student whose speed is measured."""

    name: str
    labels: list[str]


class SpeedJob(Scheduled):
    """All that the speed of a student depends on, but for code and machine."""

    task: str
    frames: int
    student: TimedStudent
    batches: list[int]
    repeats: int
    device: str

    def beside(self, other: SpeedJob) -> bool:
        """Whether both can be measured together: they differ in the schedule alone."""
        same = self.model_copy(update={"r": other.r, "schedules": other.schedules}) == other
        return same and self.r != other.r


class ScoredTask(Input):
    """The task of a result."""

    name: str
    title: str
    folds: list[str] | None


class ScoredRecipe(Section):
    """The recipe of a result."""

    name: str
    title: str
    student: str
    teachers: list[str]
    weight: float = Field(alias="lambda")
    tau: float
    unlabelled_by_teacher: Literal["refuse", "labels"]
    train_r: str
    proportional: bool
    seeds: list[int]
    baseline: str | None
    training: TrainingKeys


class ScoredStudent(Architecture):
    """The student of a result."""

    title: str
    labels: list[str]


class ScoreRun(Section):
    """How scores are worked out."""

    seed: int
    resamples: int
    max_failed_share: float
    labels: list[str]
    """``demo``, ``synthetic``: what every result is to be told apart by."""


class ResultJob(Scheduled):
    """All that a result depends on, but for code and predictions."""

    task: ScoredTask
    recipe: ScoredRecipe
    student: ScoredStudent
    teachers: dict[str, str]
    """Titles by name."""

    train_r: str
    run: ScoreRun
