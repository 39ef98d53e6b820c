"""Recordings and settings that the tests make."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from earmark.config import source as sources


def tone(seconds: float = 0.5, hertz: float = 440.0, rate: int = 8000, suffix: str = "WAV") -> bytes:
    """A short recording as the bytes of a file."""
    buffer = io.BytesIO()
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(buffer, 0.3 * np.sin(2 * np.pi * hertz * time), rate, format=suffix)
    return buffer.getvalue()


def completed(**source) -> sources.AnySource:
    """Settings of a source as the workflow completes them."""
    return sources.read(source, "data.source")
