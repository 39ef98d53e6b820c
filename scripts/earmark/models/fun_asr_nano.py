"""Fun-ASR-Nano as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.models.checkpoint import Checkpoint
from earmark.models.families.fun_asr_nano import FunAsrNano
from earmark.models.kaldi import LENGTH, fbank
from earmark.models.language import LanguageModel
from earmark.models.stock import StockEncoder, depths, reader, stock

STACKED, STRIDE = 7, 6
"""Frames that one low-rate frame is made of, and between the beginnings of two."""

config_of = reader("fun_asr_nano", "Fun-ASR-Nano", stock("FunAsrNanoConfig"))
depth = depths(config_of)


class Encoder(StockEncoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    family = FunAsrNano
    build = stock("FunAsrNanoModel")
    read_config = staticmethod(config_of)

    def read_extractor(self, checkpoint: Checkpoint) -> Any:
        """Return nothing: the stock extractor needs torchaudio; :meth:`mel` does what it does."""

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return low-rate frames [bands x 7, frames] of audio [samples]: log-mel ones, stacked by sevens."""
        bands = self.config.audio_config.num_mel_bins
        window = torch.hamming_window(LENGTH, periodic=False, dtype=torch.float64)
        frames = fbank(torch.from_numpy(samples), bands, window)
        count = -(-len(frames) // STRIDE)
        before = (STACKED - 1) // 2
        after = (count - 1) * STRIDE + STACKED - before - len(frames)
        places = torch.arange(-before, len(frames) + max(after, 0)).clamp(0, len(frames) - 1)
        stacked = frames[places].unfold(0, STACKED, STRIDE)[:count]
        return stacked.transpose(1, 2).reshape(count, -1).T.contiguous()

    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one mel, as many as it has frames."""
        mask = torch.ones(1, mel.shape[1], dtype=torch.long, device=self.device)
        return {"projector": self.model.get_audio_features(mel.T[None], mask).pooler_output}


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = stock("Qwen3Model")
    family = FunAsrNano
    read_config = staticmethod(config_of)
