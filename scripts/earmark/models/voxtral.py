"""Voxtral as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LlamaModel, VoxtralConfig, VoxtralModel

from earmark.models.audio_windows import AttendingWindows
from earmark.models.families.voxtral import Voxtral
from earmark.models.language import LanguageModel
from earmark.models.stock import depths, reader

config_of = reader("voxtral", "Voxtral", VoxtralConfig)
depth = depths(config_of)


class Encoder(AttendingWindows):
    """See :class:`earmark.models.audio_windows.WindowEncoder`."""

    family = Voxtral
    build = VoxtralModel
    read_config = staticmethod(config_of)
    masks: ClassVar[bool] = False

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [bands, frames] of audio [samples], filled up to whole windows.

        The silence that fills a window has tokens like everything else. As in the stock processor it is one
        spectrogram, whose loudest frame sets the floor of all windows.
        """
        features = self.extractor(
            samples,
            sampling_rate=self.extractor.sampling_rate,
            padding=True,
            pad_to_multiple_of=self.frames * self.extractor.hop_length,
            truncation=False,
            return_tensors="pt",
        )
        mel: Tensor = features["input_features"][0]
        return mel

    def windows(self, mel: Tensor) -> tuple[Tensor, list[int]]:
        """Return the windows [n, bands, frames] of a mel; all their frames count."""
        parts = mel.split(self.frames, dim=1)
        return torch.stack(parts), [self.frames] * len(parts)

    def features(self, windows: Tensor, lengths: list[int]) -> Tensor:
        """Return the tokens [tokens, width] of a clip's windows, as the stock model makes them."""
        tokens: Tensor = self.model.get_audio_features(windows).pooler_output
        return tokens


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = LlamaModel
    family = Voxtral
    read_config = staticmethod(config_of)
