"""Miniature corpora in the published layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earmark.config import source as sources
from earmark.config.forming import read
from earmark.core.records import Clip
from earmark.data import segment as forming

RATE = 16000


def tone(hertz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def settings(kind: str, root: Path, **changes: Any) -> sources.AnySource:
    return sources.read({"kind": kind, "root": str(root), **changes}, "source")


def joined(recordings: list[Clip], **options: Any) -> list[Clip]:
    chosen = {"test": read({"kind": "join", "keep_whole": True, **options})}
    return list(forming.segment(lambda split: [r for r in recordings if r.split == split], chosen, 0))


def hertz(samples: np.ndarray, rate: int = RATE) -> float:
    """The strongest frequency of a stretch of audio."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))
