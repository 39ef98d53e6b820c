"""A decoder-only language model of text with a place for audio, which its tokenizer is taught.

It is given prompts as XARES-LLM gives them: audio, then the request, then the answer, no chat template; what
was trained on such prompts is asked with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.checkpoint import Checkpoint
from earmark.models.config import read_config
from earmark.models.contract import MARKS, AudioEncoder
from earmark.models.families.causal_lm import CausalLm
from earmark.models.language import LanguageModel
from earmark.models.sizes import Depth
from earmark.models.words import ids_of


def config_of(checkpoint: Checkpoint) -> Any:
    """Return the model's config; UserError if transformers knows no such decoder."""

    def parse(raw: Json) -> Any:
        config = AutoConfig.for_model(**raw)
        if not hasattr(config, "num_hidden_layers") or hasattr(config, "audio_config"):
            raise ValueError(f"model_type is {raw.get('model_type')!r}")
        return config

    return read_config(checkpoint, "decoder-only language model", parse)


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the decoder's depth and width."""
    config = config_of(checkpoint)
    return Depth(0, config.num_hidden_layers, 0, config.hidden_size)


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = AutoModel.from_config
    family = CausalLm

    @staticmethod
    def read_config(checkpoint: Checkpoint) -> Any:
        """Return the decoder's config in the place where families of audio keep it."""
        config = config_of(checkpoint)
        return SimpleNamespace(
            text_config=config,
            audio_token_id=None,
            tie_word_embeddings=bool(getattr(config, "tie_word_embeddings", False)),
        )

    def read_tokenizer(self) -> Any:
        """Return the tokenizer, the audio placeholder added behind its own vocabulary."""
        tokenizer = super().read_tokenizer()
        tokenizer.add_special_tokens({"additional_special_tokens": [MARKS.audio]})
        return tokenizer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.audio_id = int(self.tokenizer.convert_tokens_to_ids(MARKS.audio))

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of a prompt: what comes first, audio, the request."""
        # Labels and questions are data: a special token in them must stay text.
        before, behind = ((text or "").replace("<|", "< |") for text in (system, prompt))
        return [*self._plain(before), *[self.audio_id] * n_audio, *self._plain(behind)]

    def answer_ids(self, answer: str) -> list[int]:
        """Return the token ids of an answer as it is trained: a word of its own, then the end."""
        return [*self._plain(" " + answer.replace("<|", "< |")), int(self.tokenizer.eos_token_id)]

    def _plain(self, text: str) -> list[int]:
        return ids_of(self.tokenizer, text, self.folder, special=False)

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width]; the placeholder has no row in the table."""
        where = ids == self.audio_id
        embeddings: Tensor = self.model.embed_tokens(ids.masked_fill(where, self.pad_id))
        audio = torch.cat([each.to(self.device, self.dtype) for each in states])
        return embeddings.masked_scatter(where[..., None], audio)


def Encoder(*_: Any, **__: Any) -> AudioEncoder:
    """Refuse: it hears nothing; UserError."""
    raise UserError("kind causal_lm hears nothing: name a composed model that is built on it")
