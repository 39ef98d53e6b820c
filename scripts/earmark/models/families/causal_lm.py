"""A decoder-only language model of text: a part to build models on; it hears nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Code, Family, Parts


class CausalLm(Family):
    """Whatever transformers builds like Llama, Qwen2 or Qwen3: ``model.layers`` and a head."""

    title = "language model"
    audio = Audio()
    parts = Parts(encoder=(), decoder=("model.",))
    answers = False

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import causal_lm

        return causal_lm
