"""How the Audio Spectrogram Transformer's front end cuts audio into frames (:mod:`.fbank` computes them)."""

from __future__ import annotations

SAMPLE_RATE = 16000
BINS = 128
"""Mel bands of a frame."""
LENGTH, HOP = 400, 160
"""Samples of a frame, and from one to the next."""


def frames_of(samples: int) -> int:
    """Return the frames that so many samples have."""
    return 1 + (samples - LENGTH) // HOP if samples >= LENGTH else 0


def samples_for(frames: int) -> int:
    """Return the samples that so many frames are made from."""
    return (frames - 1) * HOP + LENGTH
