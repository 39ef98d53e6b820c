"""VibeVoice-ASR: transcribes with times and speakers, 7.5 tokens a second, an hour at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from operator import mul

from earmark.core.files import Json
from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import NOTHING, Sizes, text_sizes

RATE = 24_000
"""Hz, of what the tokenizers are given."""


def convolutions(tokenizer: Json, hidden: int) -> tuple[int, int, int]:
    """Return of a tokenizer and its projection to ``hidden``: weights, operations and numbers for a second.

    The numbers are those of the widest layer. Every stage has twice the channels of the one before, in
    blocks of a convolution channel by channel and a feed-forward; biases and norms are left out.
    """
    ratios, depths = tokenizer["downsampling_ratios"], tokenizer["depths"]
    kernel, expansion = tokenizer["kernel_size"], tokenizer["ffn_expansion"]
    first = tokenizer["num_filters"]
    rates = [RATE / ratio for ratio in accumulate([1, *ratios], mul)]
    weights, flops, widest = first * kernel, 2.0 * RATE * first * kernel, 0.0
    for stage, (rate, blocks) in enumerate(zip(rates, depths, strict=True)):
        wide = first * 2**stage
        made = blocks * wide * (kernel + 2 * expansion * wide)
        made += wide // 2 * wide * 2 * ratios[stage - 1] if stage else 0
        weights, flops = weights + made, flops + 2 * rate * made
        widest = max(widest, rate * wide * expansion)
    wide, out = first * 2 ** len(ratios), tokenizer["hidden_size"]
    made = wide * out * kernel + out * hidden + hidden * hidden
    return weights + made, round(flops + 2 * rates[-1] * made), round(widest)


_TOKENIZER = {
    "num_filters": 32,
    "downsampling_ratios": [2, 2, 4, 5, 5, 8],
    "depths": [3, 3, 3, 3, 3, 3, 8],
    "kernel_size": 7,
    "ffn_expansion": 4,
}


def with_tokenizers(text: Sizes, tokenizers: Sequence[Json]) -> Sizes:
    """Return a decoder's sizes with those of what hears for it: what one needs at once, and both in all."""
    weights, flops, widest = zip(*(convolutions(each, text.hidden) for each in tokenizers), strict=True)
    return replace(text, audio_weights=sum(weights), audio_flops=sum(flops), audio_states=max(widest))


class VibeVoiceAsr(Family):
    """Two convolutional tokenizers of 24 kHz sound; one of them samples."""

    title = "VibeVoice-ASR"
    audio = Audio(
        sample_rate=RATE,
        mel_hop=1,
        samples_per_token=3200,
        positions_per_token=1,
        attention_s=60,  # chunks; nothing attends
        window_s=3600.0,
    )
    parts = replace(
        TRANSFORMERS,
        encoder=(
            "acoustic_tokenizer_encoder.",
            "semantic_tokenizer_encoder.",
            "model.acoustic_tokenizer_encoder.",
            "model.semantic_tokenizer_encoder.",
        ),
    )
    marks = Marks(begin="<|object_ref_start|>", audio="<|box_start|>", end="<|object_ref_end|>")

    # The tokenizers as its config.json has them; the decoder is Qwen2.5-7B's.
    published = {
        "microsoft/VibeVoice-ASR-HF": with_tokenizers(
            replace(NOTHING, hidden=3584, layers=28, heads=28, kv_heads=4, ffn=18944, vocabulary=152064),
            [_TOKENIZER | {"hidden_size": 64}, _TOKENIZER | {"hidden_size": 128}],
        )
    }

    def sizes(self, config: Json) -> Sizes | None:
        """Return the sizes that a config.json states; a tower of convolutions is told by what it costs."""
        text = text_sizes(config.get("text_config") or {})
        names = ("acoustic_tokenizer_encoder_config", "semantic_tokenizer_encoder_config")
        towers = [dict(config.get(name) or {}) for name in names]
        if text is None or any(not tower.keys() >= _TOKENIZER.keys() for tower in towers):
            return None
        return with_tokenizers(text, towers)

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import vibevoice_asr

        return vibevoice_asr
