"""Encoder states that the job which answers makes itself, and nobody stores.

Reached by name: where states are stored, no answer depends on how audio is decoded.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from earmark.core import memory
from earmark.core.errors import UserError
from earmark.models.encoding import Encoding
from earmark.models.features import StatesInMemory
from earmark.models.hearing import Hearing
from earmark.systems.pruning.heard import Heard
from earmark.systems.pruning.inputs import Indexed


@dataclass(frozen=True)
class Through:
    """Packed shards and their indexes, in the same order, and the encoder that goes over them here."""

    tars: Sequence[Path]
    indexes: Sequence[Path]
    encoder: Path
    """Record of the checkpoint that holds it."""
    settings: Encoding
    """Of the encoding, as a job that stores states is given them."""

    @property
    def folder(self) -> Path:
        """Where the shards lie."""
        return self.indexes[0].parent

    def open(self, held: contextlib.ExitStack, per_token: int, device: torch.device) -> Heard:
        """Encode every shard; the encoder is gone afterwards.

        Raises:
            UserError: a shard is damaged, or memory cannot hold the states.

        """
        hearing = Hearing.load(self.settings, self.encoder, device)
        shards = [hearing.clips(index, self.indexes) for index in self.indexes]
        check_memory(sum(hearing.size(clips) for clips in shards))
        read: list[Indexed] = []
        states: dict[str, Tensor] = {}
        for tar, clips in zip(self.tars, shards, strict=True):
            rows, found = hearing.encoded(tar, clips)
            read.append(([row.counted(per_token) for row in rows], dict(hearing.metadata)))
            states |= found
        del hearing
        gc.collect()
        return Heard(read, StatesInMemory(states, per_token))


def check_memory(needed: int) -> None:
    """Stop before the work if memory cannot hold the states.

    Raises:
        UserError: names what is needed, what is there and the setting that needs less.

    """
    _, there = memory.present()
    if needed > there:
        raise UserError(
            f"the encoder states take {needed / 1e6:,.0f} MB of memory, {there / 1e6:,.0f} MB are there; "
            "set features.states to temporary, which keeps them on the disk for as long as they are needed"
        )
