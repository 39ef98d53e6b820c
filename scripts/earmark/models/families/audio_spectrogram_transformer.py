"""AST: an encoder to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Parts
from earmark.models.towers.hearing import Hearing


class AudioSpectrogramTransformer(Hearing):
    """The Audio Spectrogram Transformer, trained on AudioSet; ten frames a second."""

    title = "AST"
    audio = Audio(mel_hop=1, samples_per_token=1600, positions_per_token=1)
    parts = Parts(encoder=("audio_spectrogram_transformer.", ""), decoder=())
