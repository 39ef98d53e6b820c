"""The listener recipe's settings, and how they are read from a config entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from earmark.core.errors import UserError, nearest
from earmark.models.sizes import Sizes
from earmark.training.recipes import questions
from earmark.training.recipes.crops import Augmentation


@dataclass(frozen=True)
class ListenerSettings:
    """Everything the result depends on, apart from the recordings."""

    seed: int = 0
    question: str = questions.QUESTION
    template: str = questions.TEMPLATE
    n_options: int = 4
    text_steps: int = 320
    tower_steps: int = 600
    joint_steps: int = 280
    text_rate: float = 1.5e-3
    tower_rate: float = 2e-3
    joint_rate: float = 6e-4
    # a batch has as many rows as fit into the tokens, up to a limit: long clips cost what short ones do
    text_tokens: int = 2800
    text_rows: int = 32
    audio_tokens: int = 2000
    audio_rows: int = 16
    tower_longest_s: float = 12.0  # the tower hears 2 s at a time, so many short clips teach it more
    hint_weight: float = 1.0
    save_every: int = 50
    sizes: Sizes = field(default_factory=Sizes)
    augmentation: Augmentation = field(default_factory=Augmentation)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ListenerSettings:
        """Build settings from a config entry; keys left out keep their defaults, unknown ones are refused."""
        nested = {"sizes": Sizes, "augmentation": Augmentation}
        plain = {key: value for key, value in values.items() if key not in nested}
        inner = {key: _fill(kind, values[key]) for key, kind in nested.items() if key in values}
        settings: ListenerSettings = _fill(cls, {**plain, **inner})
        return settings


@dataclass(frozen=True)
class TranscriberSettings:
    """Everything a transcriber's training depends on, apart from the recordings."""

    seed: int = 0
    prompt: str = "Write down what is said."
    text_steps: int = 800
    tower_steps: int = 300
    joint_steps: int = 150
    text_rate: float = 2e-3
    tower_rate: float = 2e-3
    joint_rate: float = 6e-4
    text_rows: int = 32
    audio_rows: int = 12
    gap_tokens: int = 12  # silence between two words of stage T, at most; 25 tokens are a second
    gain_db: float = 6.0  # random gain, at most, up or down
    save_every: int = 50
    sizes: Sizes = field(default_factory=Sizes)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TranscriberSettings:
        """Build settings from a config entry; keys left out keep their defaults, unknown ones are refused."""
        inner = {"sizes": _fill(Sizes, values["sizes"])} if "sizes" in values else {}
        settings: TranscriberSettings = _fill(cls, {**values, **inner})
        return settings


def _fill(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Build a dataclass from a mapping; lists become tuples, unknown keys an error."""
    known = {entry.name for entry in fields(kind)}
    for key in values:
        if key not in known:
            raise UserError(f"unknown training setting '{key}'; {nearest(key, known)}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
