"""wav2vec 2.0: an encoder to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.models.contract import Audio, Parts
from earmark.models.towers.hearing import Hearing


class Wav2Vec2(Hearing):
    """Trained on speech by filling in what was masked; 50 frames a second."""

    title = "wav2vec 2.0"
    audio = Audio(mel_hop=1, samples_per_token=320, positions_per_token=1)
    parts = Parts(encoder=("wav2vec2.", ""), decoder=())
