"""What the jobs of token reduction are given: the rules write these as JSON, the jobs read them back."""

from __future__ import annotations

from operator import not_
from typing import Literal

from pydantic import Field

from earmark.config.asked import Answering, Choice, Heard, Question, Scoring, Titled
from earmark.config.load import Load
from earmark.config.section import Section
from earmark.core.files import Json
from earmark.models.chosen import Chosen


class Method(Section):
    """A method of reduction, or a variant of one that config names."""

    name: str
    reducer: str
    """Its file in ``reduction/`` or, behind ``kv-``, in ``compression/``."""

    kind: Literal["tokens", "cache"]
    layer: int
    """The decoder layer before which tokens are dropped."""

    options: Json
    """Fields of the reducer; which there are is its own affair."""

    reference: bool
    renumber: bool = Field(default=False, exclude_if=not_)


class Budgeted(Method):
    """A method and how much it keeps: a share of the audio tokens, or a number of them."""

    keep_ratio: float | None
    keep_tokens: int | None


class Task(Choice, Answering, Question):
    """A task as it is asked, whatever becomes of the answers."""

    answers: Literal["choice", "transcript", "number"]
    """What a right answer is."""

    @property
    def transcribed(self) -> bool:
        """Whether the right answer is what was said, so that a clip's text is no question."""
        return self.answers == "transcript"


class Model(Chosen):
    """The model that answers."""

    max_audio_s: float
    load: Load


class Run(Section):
    """How a pass goes."""

    batch_audio_s: float
    warm_up: int
    seed: int
    device: str


class Settings(Section):
    """All that the answers of one cell depend on, but for code and inputs."""

    task: Task
    model: Model
    method: Budgeted
    run: Run


class Scored(Scoring, Titled):
    """How a task's answers are scored, and in which wording they were asked."""

    profile: str


class ScoreRun(Section):
    """How scores are worked out."""

    bootstrap: int
    max_failed_share: float
    seed: int


class Scores(Section):
    """All that scoring the answers of a cell depends on, but for code and answers."""

    task: Scored
    run: ScoreRun
    labels: list[str]
    """``demo``, ``small``, ``synthetic``: what every result is to be told apart by."""


class TimedModel(Chosen):
    """The model whose prefill is timed."""

    labels: list[str]
    load: Load


class Prefill(Section):
    """What a timing of prefills is given."""

    model: TimedModel
    methods: list[Method]
    ratios: list[float]
    audio_s: int
    repeats: int
    alone: bool
    seed: int
    device: str


class Speeds(Section):
    """What timing the prefills of a grid's methods is given."""

    cell: Settings
    """The unpruned one: task, model and run."""

    methods: list[Method]
    ratios: list[float]
    audio_s: float
    """Length of the prompts, joined from clips; or the longest that the model takes at once."""

    prompts: int


class SideBySide(Section):
    """What comparing all methods of the grid is given."""

    results: list[str]
    speeds: list[str]
    """Timings: one for each task."""

    together: dict[str, str]
    """Of each model the name under which it counts."""


class Massive(Section):
    """What the search for massive activations is given."""

    task: Heard
    layers: list[int]
    """That are looked before; the last says which tokens are spared."""

    layer: int
    """Of the random subset, as is the ratio."""

    ratio: float
    clips: int
    """At most."""

    dtype: str
    device: str
    seed: int


class Heads(Section):
    """What the calibration of HeadRouter is given."""

    tasks: list[Heard]
    """The one that asks for words, then the one that asks for sounds."""

    layer: int
    ratio: float
    clips: int
    """Of each task, at most."""

    dtype: str
    device: str
