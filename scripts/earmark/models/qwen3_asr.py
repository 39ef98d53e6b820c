"""Qwen3-ASR as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from earmark.models.families.qwen3_asr import Qwen3Asr
from earmark.models.language import LanguageModel
from earmark.models.qwen3_audio import Qwen3Encoder
from earmark.models.stock import depths, reader, stock

config_of = reader("qwen3_asr", "Qwen3-ASR", stock("Qwen3ASRConfig"))
depth = depths(config_of)


class Encoder(Qwen3Encoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    family = Qwen3Asr
    build = stock("Qwen3ASRModel")
    read_config = staticmethod(config_of)

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [bands, frames] of audio [samples], of half a second at least."""
        features = self.extractor(
            samples, sampling_rate=self.extractor.sampling_rate, padding=True, n_window=0, return_tensors="pt"
        )
        mel: Tensor = features["input_features"][0]
        return mel

    def features(self, mel: Tensor) -> Tensor:
        """Return the tokens [tokens, width] of a mel [bands, frames]: whole seconds, the last filled up."""
        frames, second = mel.shape[1], 2 * self.config.audio_config.n_window
        filled = F.pad(mel, (0, -frames % second))
        mask = (torch.arange(filled.shape[1], device=self.device) < frames).long()
        tokens: Tensor = self.model.get_audio_features(filled[None], mask[None]).pooler_output
        return tokens


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = stock("Qwen3Model")
    family = Qwen3Asr
    read_config = staticmethod(config_of)
