"""CLAP: an encoder to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Parts
from earmark.models.towers.hearing import Hearing


class Clap(Hearing):
    """The audio tower of CLAP, trained on sounds and what they are called; 3.2 frames a second."""

    title = "CLAP"
    audio = Audio(mel_hop=1, samples_per_token=5000, positions_per_token=1)
    parts = Parts(encoder=("audio_model.",), decoder=())
