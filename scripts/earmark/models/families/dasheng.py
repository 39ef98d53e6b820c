"""Dasheng: an encoder to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Parts
from earmark.models.towers.hearing import Hearing


class Dasheng(Hearing):
    """Trained on sound of all kinds by filling in what was masked; 25 frames a second."""

    title = "Dasheng"
    audio = Audio(mel_hop=1, samples_per_token=640, positions_per_token=1)
    parts = Parts(encoder=("encoder.", ""), decoder=())
