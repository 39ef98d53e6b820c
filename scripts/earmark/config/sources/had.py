"""Half-Truth Audio Detection, as published."""

from __future__ import annotations

from typing import Literal

from earmark.config.source import Rooted
from earmark.config.values import Share


class Source(Rooted):
    """Half-Truth Audio Detection, as published."""

    kind: Literal["had"]

    labels: str = "HAD_train/HAD_train_label.txt"
    """list below root: name, segments start-end-T/F, flag (0: holds fake speech)"""

    audio: str = "HAD_train/train/conbine"
    """folder below root that holds the utterances"""

    test_share: Share = 1
    """chance of an utterance to go to test; 1: all are test data"""

    licence: str = ""
    """licence noted with every recording"""
