"""What is measured of the grid's methods' prefills, as the job writes it and the comparison reads it."""

from __future__ import annotations

from typing import Literal

from earmark.config.section import Section
from earmark.core.files import Json


class Speed(Section):
    """One method at one ratio; each of its prefills ran between unpruned ones of the same prompt."""

    method: str
    ratio: float
    tokens_kept: float
    """Mean of the prompts."""

    seconds: float
    """Median of the prompts."""

    speedup: float
    """Median of (time unpruned / time, choosing and merging included)."""

    low: float
    """The smallest of the prompts' speed-ups, and the largest: where the median lies, with 97 % for six."""

    high: float
    choosing: float
    """Median of the wall seconds of choosing and merging / median seconds of the unpruned prefill.

    A busy machine makes it larger, never smaller.
    """


class SpeedRecord(Section):
    """All methods of a grid, of one model on one task."""

    model: str
    task: str
    clock: Literal["processor", "wall"]
    """Of seconds and speed-ups: processor time where one thread on a CPU computes, else wall time."""

    device: str
    dtype: str
    attention: str
    threads: int
    prompts: int
    audio_tokens: int
    """Of each prompt."""

    prompt_tokens: float
    """Mean, audio and text."""

    base_s: float
    """Median of the unpruned prefills."""

    points: list[Speed]
    provenance: Json
