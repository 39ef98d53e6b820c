"""What jobs are given of the model that config chose; each system adds what else its own read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from earmark.config.projector import Projector
from earmark.config.section import Section
from earmark.models.outline import Outline

if TYPE_CHECKING:
    from earmark.config.model import Model


class Chosen(Section):
    """A model by name, and how it is held and run."""

    name: str
    kind: str
    """The family."""

    dtype: str
    attention: str
    projector: Projector

    @classmethod
    def of(cls, name: str, model: Model) -> Self:
        """Return these of a model of config."""
        return cls(name=name, **{key: getattr(model, key) for key in cls.model_fields if key != "name"})

    @property
    def outline(self) -> Outline:
        """What it needs follows from this, once the folder of its checkpoint is known."""
        return Outline(self.kind, self.dtype, projector=self.projector)
