"""Phi-4-multimodal: 12.5 tokens a second, heard through the adapter for speech."""

from __future__ import annotations

from earmark.core.files import Json
from earmark.models.contract import Audio, Code, Family, Marks, Parts
from earmark.models.sizes import Sizes, sizes_in


class Phi4Multimodal(Family):
    """The tower attends within stretches of 40 s; the model was made for half an hour."""

    title = "Phi-4-multimodal"
    audio = Audio(samples_per_token=1280, positions_per_token=1, attention_s=40, window_s=1800.0)
    parts = Parts(
        encoder=("model.embed_tokens_extend.audio_embed.",),
        decoder=("model.",),
        unread=("model.embed_tokens_extend.image_embed.",),
    )
    marks = Marks(begin="", audio="<|audio|>", end="")
    published = {
        "microsoft/Phi-4-multimodal-instruct": Sizes(3072, 32, 24, 8, 8192, 1024, 24, 16, 1536, 200064)
    }

    def sizes(self, config: Json) -> Sizes | None:
        """Return the sizes that a config.json states, whose top is the language model's section."""
        audio = dict(config.get("audio_config") or {})
        audio["num_hidden_layers"] = audio.get("num_blocks")
        return sizes_in({"text_config": config, "audio_config": audio})

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import phi4_multimodal

        return phi4_multimodal
