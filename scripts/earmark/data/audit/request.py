"""What an audit is given besides the shards: the task's title, and what decides models' costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from earmark.core.files import Json
from earmark.models.costs import Costs


@dataclass(frozen=True)
class Request:
    """The settings of an audit."""

    title: str
    labels: Sequence[str]
    """``synthetic``, where the data are."""

    tokens_per_second: float
    """Of the default model."""

    models: Mapping[str, Costs]
    """By name, those whose cost is estimated."""

    @classmethod
    def parse(cls, content: Json) -> Request:
        """Read what :func:`dataclasses.asdict` made of it."""
        models = {name: Costs.parse(model) for name, model in content["models"].items()}
        return cls(content["title"], content["labels"], content["tokens_per_second"], models)
