"""Phi-4-multimodal as two separate parts: its conformer with a projection, and the language model.

The language model hears with the low-rank adapter for speech, which lies in a folder of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu

from earmark.models.checkpoint import Checkpoint
from earmark.models.families.phi4_multimodal import Phi4Multimodal
from earmark.models.language import LanguageModel
from earmark.models.low_rank import published_adapter
from earmark.models.sizes import Depth
from earmark.models.stock import StockEncoder, reader, stock

ADAPTER = "speech-lora/"
BESIDE = "embed_tokens_extend."
"""What of the decoder's module sees and hears."""

whole_config = reader("phi4_multimodal", "Phi-4-multimodal", stock("Phi4MultimodalConfig"))
Model = stock("Phi4MultimodalModel")


@dataclass(frozen=True)
class Config:
    """The model's config as other families' are divided; the language model's own is the whole."""

    text_config: Any
    audio_config: Any
    audio_token_id: int
    tie_word_embeddings: bool


def config_of(checkpoint: Checkpoint) -> Config:
    """Return the model's config; UserError for a damaged one or another family's."""
    whole = whole_config(checkpoint)
    audio = whole.audio_config
    return Config(whole, audio, audio.audio_token_id, whole.tie_word_embeddings)


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the model's depths and widths."""
    config = config_of(checkpoint)
    audio, text = config.audio_config, config.text_config
    return Depth(audio.num_blocks, text.num_hidden_layers, audio.hidden_size, text.hidden_size)


class Encoder(StockEncoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    family = Phi4Multimodal
    pieces = ("audio_embed",)
    roots = (f"model.{BESIDE}",)
    read_config = staticmethod(config_of)

    def built(self, config: Config) -> Any:
        """Return the tower with its projections; that for speech beside pictures is not used."""
        from transformers.models.phi4_multimodal.modeling_phi4_multimodal import Phi4MultimodalAudioEmbedding

        return nn.ModuleDict({"audio_embed": Phi4MultimodalAudioEmbedding(config.text_config)})

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [80, frames] of audio [samples], of one frame at least."""
        missing = max(0, self.extractor.win_length - len(samples))
        made = self.extractor(np.pad(samples, (0, missing)), sampling_rate=self.extractor.sampling_rate)
        return torch.as_tensor(made["audio_input_features"][0]).T.contiguous()

    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one mel, one for every eight frames."""
        states = self.tower.encoder(mel.T[None], None)
        return {"projector": self.tower.down_proj_for_speech(gelu(self.tower.up_proj_for_speech(states)))[0]}


def text_model(config: Any) -> Any:
    """Return the decoder without what sees and hears."""
    model = Model(config)
    model.embed_tokens_extend = nn.Identity()
    return model


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = text_model
    family = Phi4Multimodal
    read_config = staticmethod(config_of)

    def adapted(self, checkpoint: Checkpoint, config: Config) -> Checkpoint:
        """Return the checkpoint with the adapter for speech added."""
        return published_adapter(checkpoint, ADAPTER, self.family.parts.decoder)

    def owns(self, name: str) -> bool:
        """Whether a tensor is the language model's."""
        return not name.startswith(BESIDE)
