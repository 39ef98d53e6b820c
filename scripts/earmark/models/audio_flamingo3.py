"""Audio Flamingo 3 as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

from transformers import AudioFlamingo3Config, AudioFlamingo3Model, Qwen2Model

from earmark.models.audio_windows import AttendingWindows
from earmark.models.families.audio_flamingo3 import AudioFlamingo3
from earmark.models.language import LanguageModel
from earmark.models.stock import depths, reader

config_of = reader("audioflamingo3", "Audio Flamingo 3", AudioFlamingo3Config)
depth = depths(config_of)


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
