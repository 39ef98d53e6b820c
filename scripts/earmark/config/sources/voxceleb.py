"""VoxCeleb 1 and 2: gender or age of speakers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.source import Rooted
from earmark.config.values import Share


class Source(Rooted):
    """VoxCeleb 1 and 2: gender or age of speakers."""

    kind: Literal["voxceleb"]

    audio: str = "wav"
    """folder below root with a folder per speaker (id...)"""

    tables: list[str] = Field(default=["vox1_meta.csv", "vox2_meta.csv"], min_length=1)
    """tables below root with a column of VoxCeleb ids and a column Gender"""

    label: Literal["gender", "age"] = "gender"
    """what a recording is labelled with"""

    age_table: str | None = None
    """table below root with ages"""

    age_speaker_column: str = "VoxCeleb_ID"
    """its column of VoxCeleb ids"""

    age_video_column: str | None = "video_id"
    """its column of videos; null: one age per speaker"""

    age_column: str = "speaker_age"
    """its column of ages in years"""

    test_share: Share = 1
    """chance of a speaker to go to test; 1: all are test data"""

    licence: str = ""
    """licence noted with every recording"""
