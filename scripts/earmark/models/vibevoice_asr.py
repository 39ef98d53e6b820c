"""VibeVoice-ASR as two separate parts: two tokenizers of sound with a projector, and the language model.

The acoustic tokenizer adds noise to its latents, as it was trained. Here the noise is drawn from a seed that
the clip's own samples give: the same clip always has the same states, and no two clips the same noise.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.models.checkpoint import Checkpoint
from earmark.models.families.vibevoice_asr import VibeVoiceAsr
from earmark.models.language import LanguageModel
from earmark.models.sizes import Depth
from earmark.models.stock import StockEncoder, reader, stock

DURATION = "<|AUDIO_DURATION|>"
"""Where the chat template wants the recording's length in seconds."""

config_of = reader("vibevoice_asr", "VibeVoice-ASR", stock("VibeVoiceAsrConfig"))


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the model's depths and widths; the tower's are the acoustic tokenizer's."""
    config = config_of(checkpoint)
    acoustic, text = config.acoustic_tokenizer_encoder_config, config.text_config
    return Depth(sum(acoustic.depths), text.num_hidden_layers, acoustic.hidden_size, text.hidden_size)


def seed_of(samples: Tensor) -> int:
    """Return the seed of a clip's noise, from its samples."""
    return zlib.crc32(samples.float().cpu().numpy().tobytes())


class Encoder(StockEncoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    family = VibeVoiceAsr
    build = stock("VibeVoiceAsrModel")
    pieces = ("acoustic_tokenizer_encoder", "semantic_tokenizer_encoder", "multi_modal_projector")
    read_config = staticmethod(config_of)

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return audio [samples] at the tokenizers' loudness, filled up to whole tokens: [1, samples]."""
        made = self.extractor(samples, sampling_rate=self.extractor.sampling_rate)
        levelled: Tensor = made["input_values"][0]
        return levelled

    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one clip."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed_of(mel))
            return {"projector": self.model.get_audio_features(mel[None]).pooler_output[0]}


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = stock("Qwen2Model")
    family = VibeVoiceAsr
    read_config = staticmethod(config_of)

    def expanded(self, text: str, n_audio: int) -> list[int]:
        """Return the ids of a text with its placeholder repeated, and the length of the audio in words.

        That is counted in whole tokens, up to 0.13 s more than the stock processor says.
        """
        seconds = n_audio / self.family.audio.tokens_per_second
        return super().expanded(text.replace(DURATION, f"{seconds:.2f}"), n_audio)
