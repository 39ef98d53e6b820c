"""GLM-ASR as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

from transformers import GlmAsrConfig, GlmAsrModel, LlamaModel

from earmark.models import audio_windows
from earmark.models.audio_windows import WindowEncoder
from earmark.models.checkpoint import Checkpoint
from earmark.models.families.glm_asr import GlmAsr
from earmark.models.language import LanguageModel
from earmark.models.sizes import Depth


def config_of(checkpoint: Checkpoint) -> GlmAsrConfig:
    """Return the model's config; UserError if it is damaged or another family's."""
    config: GlmAsrConfig = audio_windows.config_as(checkpoint, "glmasr", "GLM-ASR", GlmAsrConfig)
    return config


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the model's depths and widths; UserError if the checkpoint is another family's."""
    return audio_windows.depth_of(config_of(checkpoint))


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
