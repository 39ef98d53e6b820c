"""Qwen3-Omni's thinker as two separate parts: the audio encoder, and the language model of experts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.core.files import Json
from earmark.models.checkpoint import Checkpoint
from earmark.models.config import read_config
from earmark.models.families.qwen3_omni import Qwen3Omni
from earmark.models.language import LanguageModel
from earmark.models.mel import natural_mel
from earmark.models.qwen3_audio import Qwen3Encoder
from earmark.models.stock import depths, stock

ThinkerConfig = stock("Qwen3OmniMoeThinkerConfig")


def config_of(checkpoint: Checkpoint) -> Any:
    """Return the thinker's config, also from a full repository; UserError if it is another's."""

    def parse(raw: Json) -> Any:
        inner = raw["thinker_config"] if raw.get("model_type") == "qwen3_omni_moe" else raw
        if inner.get("model_type") != "qwen3_omni_moe_thinker":
            raise ValueError(f"model_type is {raw.get('model_type')!r}")
        return ThinkerConfig.from_dict(inner)

    return read_config(checkpoint, "Qwen3-Omni", parse)


depth = depths(config_of)


class Encoder(Qwen3Encoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    family = Qwen3Omni
    pieces = ("audio_tower",)
    roots = ("thinker.", "")
    read_config = staticmethod(config_of)

    def built(self, config: Any) -> Any:
        """Return the audio tower, which projects by itself."""
        from transformers.models.qwen3_omni_moe.modeling_qwen3_omni_moe import Qwen3OmniMoeAudioEncoder

        return nn.ModuleDict({"audio_tower": Qwen3OmniMoeAudioEncoder(config.audio_config)})

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [128, frames] of audio [samples], at its natural length."""
        return natural_mel(self.extractor, samples)

    def features(self, mel: Tensor) -> Tensor:
        """Return the tokens [tokens, width] of a mel [bands, frames], as the stock model makes them."""
        lengths = torch.tensor([mel.shape[1]], device=self.device)
        tokens: Tensor = self.tower(mel, feature_lens=lengths).last_hidden_state
        return tokens


class Decoder(LanguageModel):
    """The thinker's language model; see :class:`LanguageModel`."""

    build = stock("Qwen3OmniMoeThinkerTextModel")
    family = Qwen3Omni
    read_config = staticmethod(config_of)
