"""What a user may add for audio tagging: recipes, students and teachers, one YAML file each."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, SerializeAsAny, ValidationInfo, WithJsonSchema, field_validator

from earmark.config.links import link, local_path
from earmark.config.section import Section
from earmark.config.values import Count, Distinct, Positive
from earmark.core.errors import UserError, nearest
from earmark.systems.tagging.architecture import Architecture
from earmark.systems.tagging.training_keys import TrainingKeys

TEACHERS = Path(__file__).parent / "teachers"
Seed = Annotated[int, Field(ge=0)]


class Labelled(Section):
    """What has a title, and may be a stand-in for the real thing."""

    title: str
    """what it is called on the page"""

    labels: list[Literal["demo"]] = []
    """'demo' for a stand-in"""


class Recipe(Section):
    """How a student is trained to tag audio: from labels alone, or from a teacher's logits too."""

    title: str
    """what it is called on the page"""

    student: Annotated[str, link("students")]
    """a file of config/students/"""

    teachers: Distinct[Annotated[str, link("teachers")]] = []
    """files of config/teachers/; the mean of their logits is what is learned from"""

    weight: float = Field(default=1, ge=0, le=1, alias="lambda")
    """weight of the loss against the labels; the rest is against the teachers, 1: labels alone"""

    tau: Positive = 1
    """temperature of the teachers' logits; the student's have none"""

    unlabelled_by_teacher: Literal["refuse", "labels"] = "refuse"
    """clips that no teacher has seen: refused before training, or learned from labels alone"""

    train_r: str = "0"
    """tokens merged per layer while training: a schedule as in file names (0, 16, 32d), or 'same' for a
    training of its own per evaluated r"""

    proportional: bool = True
    """whether attention counts a merged token as many times as the tokens in it"""

    seeds: Distinct[Seed] = Field(default=[0], min_length=1)
    """one training each"""

    baseline: Annotated[str, link("recipes")] | None = None
    """the recipe whose unmerged model is shown beside this one's merged ones"""

    training: TrainingKeys = TrainingKeys()
    """how it is trained; laid over the training of a task"""


class Student(Architecture, Labelled):
    """An Audio Spectrogram Transformer to be trained: sizes, patch strides and where its weights start."""


def kinds() -> list[str]:
    """Return the kinds of teachers there are."""
    return sorted(path.stem.removesuffix("_options") for path in TEACHERS.glob("*_options.py"))


def options_of(kind: str) -> type[Section]:
    """Return the model of a kind's options; raises UserError with the nearest kind."""
    if kind not in kinds():
        raise UserError(f"kind: unknown kind '{kind}'; {nearest(kind, kinds())}")
    return cast(type[Section], import_module(f"{__package__}.teachers.{kind}_options").Options)


class Teacher(Labelled):
    """A teacher: what gives logits for the clips of a task, once, stored beside their ids."""

    kind: str
    """of a <kind>_teacher.py and its <kind>_options.py in scripts/earmark/systems/tagging/teachers/"""

    storage: Literal["float16", "float32"] = "float16"
    """type of the stored logits"""

    batch: Count = 16
    """clips computed together"""

    classes: Annotated[str, local_path("audioset", "task")] = "task"
    """the teacher's classes in order: audioset (the 527 in the order of their published list), task (those
    of the task it was trained on), or a CSV with a column display_name or name"""

    options: Annotated[SerializeAsAny[Section], WithJsonSchema({"type": "object"})] = Field(
        default={}, validate_default=True
    )
    """keys of the kind: see schemas/teachers/<kind>.schema.json"""

    @field_validator("options", mode="plain")
    @classmethod
    def _of_its_kind(cls, content: Any, info: ValidationInfo) -> Any:
        if "kind" not in info.data:  # which is said by itself
            return content
        return options_of(info.data["kind"]).read(content, "options")
