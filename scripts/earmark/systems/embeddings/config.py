"""The part of the configuration that embeddings own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.section import Section, left_out
from earmark.config.values import Count, Distinct, Positive

STATES_FOLDER = "_states"
"""Of a layer's folder; readers of a folder of Parquet files pass over names that begin so."""

PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>Describe the music:"


class Stored(Section):
    """Which layers are stored, and how."""

    layers: Distinct[str] = Field(min_length=1)
    """encoder, encoder.<i>, projector, lm.<i>"""

    pooling: Literal["none", "mean", "last", "masked_mean"] = "mean"
    """none keeps every row; the others give one vector a clip"""

    span: Literal["audio", "text", "all"] = "audio"
    """tokens kept of the language model's; the encoder has audio alone"""

    dtype: Literal["float16", "bfloat16", "float32"] = "float16"
    """storage type"""

    prompt: str = PROMPT
    """as it stands if it holds <|AUDIO|>, through the chat template if not"""

    system: str | None = None
    """system text of the chat template"""

    overlap_s: float = Field(default=2, ge=0, le=14)
    """what neighbouring windows of long audio share at least, seconds"""

    budget_gb: Positive = 20
    """refuse beforehand what would take more disk"""

    probe: bool = True
    """draw a linear probe and a map of it in the report, where pooled"""


class Where(Section):
    """Whose layers are stored, of which clips."""

    model: str | None = left_out()
    """default_model if left out"""

    tasks: list[str] = Field(min_length=1)
    """files of config/tasks/"""


class Block(Stored, Where):
    """Layers of a model, stored for some tasks."""


class Caption(Section):
    """How clips are described in caption/{model}/{task}.jsonl."""

    prompt: str = PROMPT
    """as it stands if it holds <|AUDIO|>, through the chat template if not"""

    system: str | None = None
    """system text of the chat template"""

    split: Literal["train", "test"] = "test"
    """whose clips are described"""

    sample_limit: Count | None = None
    """describe that many clips, classes balanced, of those the task's own limit leaves; null for all"""

    max_new_tokens: Count = 64
    """longest description"""

    temperature: float = Field(default=0, ge=0)
    """0 for greedy; above, sampled, seeded by clip"""

    top_p: float = Field(default=1, gt=0, le=1)
    """sample among the likeliest tokens of this total probability"""

    batch_audio_s: Positive = 240
    """seconds of audio described together"""

    generation_states: bool = False
    """store the language model's states of every generated token too"""


class Embeddings(Section):
    """The keys of config that embeddings own."""

    embeddings: list[Block] = []
    """blocks of layers to store as files; one block per model and task"""

    caption: Caption = Caption()
    """how clips are described in caption/{model}/{task}.jsonl"""
