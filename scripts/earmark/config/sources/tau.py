"""TAU Urban Acoustic Scenes, as published."""

from __future__ import annotations

from typing import Literal

from earmark.config.source import Rooted
from earmark.config.values import Share


class Source(Rooted):
    """TAU Urban Acoustic Scenes, as published."""

    kind: Literal["tau"]

    table: str = "meta.csv"
    """TSV below root: filename, scene_label, identifier, source_label"""

    devices: list[str] = []
    """source labels of the devices to take; empty: all, which hear the same moments"""

    test_share: Share = 1
    """chance of a place to go to test; 1: all are test data"""

    licence: str = ""
    """licence noted with every recording"""
