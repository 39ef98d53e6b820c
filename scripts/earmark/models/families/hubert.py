"""HuBERT: an encoder to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Parts
from earmark.models.towers.hearing import Hearing


class Hubert(Hearing):
    """Trained on speech by naming clusters of what was masked; 50 frames a second."""

    title = "HuBERT"
    audio = Audio(mel_hop=1, samples_per_token=320, positions_per_token=1)
    parts = Parts(encoder=("hubert.", ""), decoder=())
