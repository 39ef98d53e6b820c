"""The language model that reads features: its text as ids, and the loss of a batch."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from earmark.core.errors import UserError
from earmark.models.causal_lm import Decoder
from earmark.models.checkpoint import Checkpoint
from earmark.systems.encoders.sequences import Layout


class Speaker:
    """A language model of kind causal_lm, frozen but for an adapter.

    Args:
        checkpoint: where its weights are.
        device: torch device.
        dtype: of weights and activations.

    Raises:
        UserError: the checkpoint is damaged, or its tokenizer names no token that ends a text.

    """

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str = "float32") -> None:
        self.language = Decoder(checkpoint, device, dtype, "sdpa")
        end = self.language.tokenizer.eos_token_id
        if end is None:
            raise UserError(
                f"{checkpoint.folder}: the tokenizer names no token that ends a text (eos_token); name a "
                "language model that has one"
            )
        self.end = int(end)
        self.width: int = self.language.model.config.hidden_size

    @property
    def model(self) -> Any:
        """The decoder without its head."""
        return self.language.model

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text by itself; a special token in it stays text."""
        return list(self.language.tokenizer(text.replace("<|", "< |"), add_special_tokens=False)["input_ids"])

    def target(self, text: str) -> list[int]:
        """Return the ids of what is learned: a text, then the end."""
        return [*self.ids(text), self.end]

    def loss(self, batch: Layout) -> tuple[Tensor, Tensor]:
        """Return the summed loss over the targets' tokens, and how many of these were right.

        The output head computes no other places.
        """
        states = self.model(
            inputs_embeds=batch.embeddings(self.model.embed_tokens, self.language.dtype),
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state
        logits = self.language.head(states[batch.predicting]).float()
        wanted = batch.wanted
        return F.cross_entropy(logits, wanted, reduction="sum"), (logits.argmax(-1) == wanted).sum()
