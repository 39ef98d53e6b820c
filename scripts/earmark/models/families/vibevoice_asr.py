"""VibeVoice-ASR: transcribes with times and speakers, 7.5 tokens a second, an hour at most."""

from __future__ import annotations

from dataclasses import replace

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks


class VibeVoiceAsr(Family):
    """Two convolutional tokenizers of 24 kHz sound; one of them samples."""

    title = "VibeVoice-ASR"
    audio = Audio(
        sample_rate=24_000, mel_hop=1, samples_per_token=3200, positions_per_token=1, window_s=3600.0
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

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import vibevoice_asr

        return vibevoice_asr
