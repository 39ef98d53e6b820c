"""Audio Flamingo 3 as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

from transformers import AudioFlamingo3Config, AudioFlamingo3Model, Qwen2Model

from earmark.models import audio_windows
from earmark.models.audio_windows import AttendingWindows
from earmark.models.checkpoint import Checkpoint
from earmark.models.families.audio_flamingo3 import AudioFlamingo3
from earmark.models.language import LanguageModel
from earmark.models.sizes import Depth


def config_of(checkpoint: Checkpoint) -> AudioFlamingo3Config:
    """Return the model's config; UserError if it is damaged or another family's."""
    config: AudioFlamingo3Config = audio_windows.config_as(
        checkpoint, "audioflamingo3", "Audio Flamingo 3", AudioFlamingo3Config
    )
    return config


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the model's depths and widths; UserError if the checkpoint is another family's."""
    return audio_windows.depth_of(config_of(checkpoint))


class Encoder(AttendingWindows):
    """See :class:`earmark.models.audio_windows.WindowEncoder`."""

    family = AudioFlamingo3
    build = AudioFlamingo3Model
    read_config = staticmethod(config_of)


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = Qwen2Model
    family = AudioFlamingo3
    read_config = staticmethod(config_of)
