"""Granite Speech as two separate parts: its conformer with the Q-Former behind it, and the language model.

The language model hears with its low-rank adapter, which lies beside the weights, and is built to be used
without it for text alone; here it is always on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad
from transformers.audio_utils import mel_filter_bank

from earmark.models.checkpoint import Checkpoint
from earmark.models.families.granite_speech import GraniteSpeech
from earmark.models.language import LanguageModel
from earmark.models.low_rank import published_adapter
from earmark.models.stock import StockEncoder, depths, reader, stock

POINTS, LENGTH, HOP, BANDS = 512, 400, 160, 80

config_of = reader("granite_speech", "Granite Speech", stock("GraniteSpeechConfig"))
depth = depths(config_of, "encoder_config")


class Encoder(StockEncoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    family = GraniteSpeech
    build = stock("GraniteSpeechModel")
    pieces = ("encoder", "projector")
    read_config = staticmethod(config_of)

    def read_extractor(self, checkpoint: Checkpoint) -> Any:
        """Return nothing: the stock extractor needs torchaudio; :meth:`mel` does what it does."""

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [bands x 2, frames] of audio [samples], two frames in each."""
        wave = torch.from_numpy(samples)
        wave = pad(wave, (0, max(0, POINTS - len(wave))))
        window = torch.hann_window(LENGTH)
        power = torch.stft(wave, POINTS, HOP, LENGTH, window, return_complex=True).abs().square()
        triangles = mel_filter_bank(
            POINTS // 2 + 1, BANDS, 0.0, 8000.0, self.family.audio.sample_rate, norm=None, mel_scale="htk"
        )
        mel = (torch.from_numpy(triangles).float().T @ power).clamp(min=1e-10).log10()
        mel = torch.maximum(mel, mel.max() - 8.0) / 4 + 1
        pairs = mel[:, : mel.shape[1] // 2 * 2].T.reshape(-1, 2 * BANDS)
        return pairs.T.contiguous()

    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one mel: three for every 15 frames, the last filled up."""
        return {"projector": self.model.get_audio_features(mel.T[None]).pooler_output[0]}


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = stock("GraniteModel")
    family = GraniteSpeech
    read_config = staticmethod(config_of)

    def adapted(self, checkpoint: Checkpoint, config: Any) -> Checkpoint:
        """Return the checkpoint with the adapter added that audio needs."""
        if not config.has_lora_adapter:
            return checkpoint
        return published_adapter(checkpoint, "", self.family.parts.decoder)
