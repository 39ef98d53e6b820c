"""The part of the configuration that token reduction owns."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from earmark.config.section import Section, left_out
from earmark.config.values import Count, Name

Ratio = Annotated[float, Field(gt=0, le=1)]
"""Share of audio tokens kept."""


class Variant(Section):
    """A method with a name of its own."""

    reducer: str | None = left_out()
    """dart, kv-snap ...: a method of scripts/earmark/reduction/ or compression/; the variant's own name by
    default"""

    layer: int | None = left_out(ge=0)
    """decoder layer K before which tokens are dropped; by default the one that the method's file names (0 for
    those that act at the input), else the model's reduction_layer; not for kv- methods, which compress every
    layer"""

    options: dict[str, Any] = {}
    """fields of the reducer"""

    reference: bool = False
    """reproduce the published selection: the span includes BOS and EOS, integer budget per pivot"""

    renumber: bool = False
    """give the tokens left positions 0, 1, 2 ... as if the others had never been; at layer 0 only"""


class Block(Section):
    """Cells of the grid: every task with every method at every ratio."""

    models: list[str] | None = left_out()
    """default_model if left out"""

    tasks: list[str]
    """files of config/tasks/"""

    methods: list[str]
    """methods, and variants of them"""

    ratios: list[Ratio]
    """share of audio tokens kept"""


class Prefill(Section):
    """Prefill time against keep ratio, each reduced run beside an unpruned one."""

    model: str
    """a file of config/models/"""

    audio_s: Count
    """length of the audio, seconds"""

    methods: list[str]
    """methods, and variants of them"""

    ratios: list[Ratio]
    """share of audio tokens kept"""

    repeats: Count = 3
    """timed runs of each side"""

    alone: bool = True
    """whether no other job of the workflow runs meanwhile; false: it is one job of one core among others"""


class Pruning(Section):
    """The keys of config that token reduction owns."""

    methods: dict[Name, Variant] = {}
    """variants of the methods in scripts/earmark/reduction/ and, behind kv-, in compression/"""

    grid: list[Block] = []
    """blocks of cells that the summary and the report cover"""

    prefill: list[Prefill] = []
    """prefill timings"""
