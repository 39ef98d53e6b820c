"""GLM-ASR as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

from transformers import GlmAsrConfig, GlmAsrModel, LlamaModel

from earmark.models.audio_windows import WindowEncoder
from earmark.models.families.glm_asr import GlmAsr
from earmark.models.language import LanguageModel
from earmark.models.stock import depths, reader

config_of = reader("glmasr", "GLM-ASR", GlmAsrConfig)
depth = depths(config_of)


class Encoder(WindowEncoder):
    """See :class:`earmark.models.audio_windows.WindowEncoder`."""

    family = GlmAsr
    build = GlmAsrModel
    read_config = staticmethod(config_of)


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = LlamaModel
    family = GlmAsr
    read_config = staticmethod(config_of)
