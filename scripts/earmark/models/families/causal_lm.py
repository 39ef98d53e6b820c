"""A decoder-only language model of text: a part to build models on; it hears nothing by itself."""

from __future__ import annotations

from earmark.core.files import Json
from earmark.models.contract import Audio, Code, Family, Parts
from earmark.models.sizes import Sizes, text_sizes


class CausalLm(Family):
    """Whatever transformers builds like Llama, Qwen2 or Qwen3: ``model.layers`` and a head."""

    title = "language model"
    audio = Audio()
    parts = Parts(encoder=(), decoder=("model.",))
    answers = False

    def sizes(self, config: Json) -> Sizes | None:
        """Return the language model's sizes."""
        return text_sizes(config)

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import causal_lm

        return causal_lm
