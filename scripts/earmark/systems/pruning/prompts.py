"""A batch's prompts, made once for all methods that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from torch import Tensor

from earmark.models.padding import left_padded
from earmark.systems.pruning.plan import Row

if TYPE_CHECKING:
    from earmark.systems.pruning.runner import Loop


class Prompts:
    """The token ids of a batch's rows, padded on the left, and what a decoder is given for them."""

    def __init__(self, loop: Loop, batch: Sequence[Row]) -> None:
        decoder, samples = loop.decoder, loop.samples
        self._loop, self._batch = loop, batch
        self.ids = [
            decoder.prompt_ids(samples[row.sample].question.prompt, loop.system, row.tokens) for row in batch
        ]
        self.table, self.mask, self.positions = left_padded(self.ids, decoder.pad_id, decoder.device)

    @cached_property
    def embeddings(self) -> Tensor:
        """Input embeddings [rows, length, width], audio states in their slots.

        Made when they are asked for, where a batch that does not fit into memory is halved.
        """
        loop, heard = self._loop, []
        for row in self._batch:
            sample = loop.samples[row.sample]
            heard.append(loop.decoder.project(loop.store.states(sample.key, *sample.windows[row.window])))
        return loop.decoder.embed(self.table, heard)
