"""What a model hears of a split: encoder states that are stored, or come from elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import torch

from earmark.core.given import given
from earmark.models.encoding import Encoding
from earmark.models.features import (
    FeatureStore,
    States,
    check_states,
    read_index,
    read_times,
    times_of,
)
from earmark.systems.pruning.inputs import Indexed


@dataclass(frozen=True)
class Heard:
    """The clips of every shard, and their states."""

    read: list[Indexed]
    store: States


class Source(Protocol):
    """Where states come from: files, or :class:`earmark.systems.pruning.through.Through`."""

    @property
    def folder(self) -> Path:
        """Where what is read lies."""

    @property
    def indexes(self) -> Sequence[Path]:
        """An index for each of its parts."""

    def open(self, held: contextlib.ExitStack, per_token: int, device: torch.device) -> Heard:
        """Return what is heard, open until ``held`` ends; raises UserError where it is damaged."""


@dataclass(frozen=True)
class Stored:
    """Shards of states and their indexes, in the same order; how long encoding took lies beside these."""

    features: Sequence[Path]
    indexes: Sequence[Path]

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.indexes[0].parent

    def open(self, held: contextlib.ExitStack, per_token: int, device: torch.device) -> Heard:
        """Open the states until ``held`` ends; raises UserError where they are damaged."""
        read = [read_index(path, per_token) for path in self.indexes]
        for path, (rows, _) in zip(self.indexes, read, strict=True):
            read_times(times_of(path), rows)
        check_states(self.features, [made for _, made in read])
        return Heard(read, held.enter_context(FeatureStore(self.features, per_token)))


def source(
    indexes: Sequence[Path],
    features: Sequence[Path],
    tars: Sequence[Path],
    encoder: Path | None,
    encoding: str,
) -> Source:
    """Return where a job hears a split: from stored states, or from packed clips that it encodes itself.

    Args:
        indexes: of states or tars, in the same order.
        features: stored states.
        tars: packed clips, instead of states.
        encoder: for tars, the record of the encoder's checkpoint.
        encoding: for tars, the JSON file of the encoding's settings.

    """
    if not tars or encoder is None:
        return Stored(features, indexes)
    # By name: who reads stored states depends on no encoder.
    through = import_module("earmark.systems.pruning.through")
    made: Source = through.Through(tars, indexes, encoder, Encoding.read(given(encoding), "--encoding"))
    return made
