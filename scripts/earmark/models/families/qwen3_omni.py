"""Qwen3-Omni: the thinker of a full repository, or a thinker alone."""

from __future__ import annotations

from dataclasses import replace

from earmark.core.files import Json
from earmark.models.contract import Audio, Code, Family, Marks, Parts
from earmark.models.sizes import Sizes, sizes_in


class Qwen3Omni(Family):
    """Every second has 13 tokens; the tower attends within eight. Of the experts, a token sees some."""

    title = "Qwen3-Omni"
    audio = Audio(samples_per_token=1231, positions_per_token=1, attention_s=8)
    parts = Parts(
        encoder=("thinker.audio_tower.", "audio_tower."),
        decoder=("thinker.model.", "model."),
        head=("thinker.lm_head.", "lm_head."),
        unread=("talker.", "code2wav.", "thinker.visual.", "visual."),
    )
    marks = Marks(begin="<|audio_start|>", audio="<|audio_pad|>", end="<|audio_end|>")

    published = {
        "Qwen/Qwen3-Omni-30B-A3B-Instruct": Sizes(
            2048, 48, 32, 4, 8 * 768, 1280, 32, 20, 5120, 152064, head=128, ffn_held=128 * 768
        )
    }

    def sizes(self, config: Json) -> Sizes | None:
        """Return the sizes that a config.json states: experts are held in full, and seen in part."""
        thinker = config.get("thinker_config", config)
        text = dict(thinker.get("text_config") or {})
        held, seen, ffn = (
            text.get(key) for key in ("num_experts", "num_experts_per_tok", "moe_intermediate_size")
        )
        if not (isinstance(held, int) and isinstance(seen, int) and isinstance(ffn, int)):
            return None
        found = sizes_in({**thinker, "text_config": {**text, "intermediate_size": seen * ffn}})
        return None if found is None else replace(found, ffn_held=held * ffn)

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import qwen3_omni

        return qwen3_omni
