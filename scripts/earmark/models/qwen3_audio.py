"""The audio encoder that Qwen3-ASR and Qwen3-Omni share: 13 tokens a second, attention within eight seconds.

Convolutions see a second at a time, and the layers windows of several seconds.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.models.stock import Asked, StockEncoder, called_with
from earmark.reduction.encoder_scores import SCORES, scores_of


class Qwen3Encoder(Asked, StockEncoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    @abstractmethod
    def features(self, mel: Tensor) -> Tensor:
        """Return the tokens [tokens, width] of a mel [bands, frames], as the stock model makes them."""

    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one mel, and scores of them, by name."""
        last = self.tower.layers[-1]
        tokens, (hidden, edges, *_) = called_with(last, lambda: self.features(mel))
        found = {"projector": tokens}
        if not set(SCORES).isdisjoint(wanted):
            lengths = edges.diff().tolist()
            windows = nn.utils.rnn.pad_sequence(hidden.split(lengths), batch_first=True)
            for name, values in scores_of(last, windows, 1, lengths).items():
                found[name] = torch.cat([row[:n] for row, n in zip(values, lengths, strict=True)])
        return {name: found[name] for name in wanted}
