"""What a system may ask of the whole configuration: it is handed one, and imports none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from earmark.core.files import Json

if TYPE_CHECKING:
    from earmark.config.asked import Asked, Choice
    from earmark.config.common import Config
    from earmark.config.model import Model
    from earmark.config.section import Section
    from earmark.config.task import Task
    from earmark.models.encoding import Encoding

S = TypeVar("S", bound="Section")


class Settings(Protocol):
    """What is read of the whole configuration."""

    @property
    def config(self) -> Config:
        """The configuration, as far as no system owns it."""

    def check_sound(self, section: str, name: str) -> None:
        """Check that nothing is wrong with the file of a thing."""

    def check_all_sound(self) -> None:
        """Check that nothing is wrong with any file of config/."""

    def of(self, part: type[S]) -> S:
        """Return the part of the configuration that a system owns."""

    def each(self, kind: type[S]) -> dict[str, S]:
        """Return the things of a kind that a user may add by name: every ``Recipe``."""

    def one(self, kind: type[S], name: str) -> S:
        """Return one of them; raises UserError with the nearest name, or what is wrong with its file."""

    def synthetic(self, task: str) -> bool:
        """Whether a task's recordings are made up, which every result of theirs is labelled with."""

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Every task."""

    @property
    def models(self) -> Mapping[str, Model]:
        """Every model."""

    @property
    def heard_as(self) -> Mapping[str, str]:
        """By task: the first by name with the same data, of those whose clips are all encoded."""

    def task(self, name: str) -> Task:
        """Return a task."""

    def task_of(self, part: type[S], name: str) -> S:
        """Return the part of a task that a system owns."""

    def model(self, name: str) -> Model:
        """Return a model."""

    def training(self, model: str, task: str) -> Json:
        """Return the recipe a model is trained with for a task, and its settings."""

    def asked(self, task: str) -> Asked:
        """Return how a task is asked and scored, in the wording of config's profile."""

    def encoding(self, model: str, task: str, choice: Choice | None = None) -> Encoding:
        """Return what the encoding of a task's clips reads."""

    def check_answers(self, model: str) -> None:
        """Check that a model answers questions, and is no part of others alone."""

    def check_reach(self, model: str, task: str) -> None:
        """Check that local folders of a model and a task are there."""
