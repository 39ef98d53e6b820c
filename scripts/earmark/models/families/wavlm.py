"""WavLM: an encoder to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Parts
from earmark.models.towers.hearing import Hearing


class WavLm(Hearing):
    """Trained on speech with noise and other speakers in it; 50 frames a second."""

    title = "WavLM"
    audio = Audio(mel_hop=1, samples_per_token=320, positions_per_token=1)
    parts = Parts(encoder=("wavlm.", ""), decoder=())
