"""Synthetic speech-like recordings: words that are tones, read out one after another, seeded.

A word is two tones sounding together, sliding a little up or down, as the keys of a telephone do; which
two tones is the word. So a transcript can be read off the sound, and only off the sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_LOW = (600.0, 760.0, 960.0, 1210.0)  # Hz
_HIGH = (1600.0, 2050.0, 2650.0)
_RISE_S = 0.02


def speak(
    words: tuple[str, ...],
    rng: np.random.Generator,
    *,
    word_s: tuple[float, float] = (0.22, 0.36),
    pause_s: tuple[float, float] = (0.12, 0.4),
    pitch: float = 1.0,
) -> NDArray[np.float32]:
    """Read words out; ``pitch`` multiplies every frequency, as another speaker would.

    Returns a mono wave at `SAMPLE_RATE`, peak about 0.6.
    """
    parts = [_pause(pause_s, rng)]
    for word in words:
        parts += [_word(WORDS.index(word), rng.uniform(*word_s), rng, pitch), _pause(pause_s, rng)]
    clip = np.concatenate(parts)
    clip += 0.004 * rng.standard_normal(len(clip))
    return np.asarray(0.6 * clip / np.abs(clip).max(), np.float32)


def _pause(seconds: tuple[float, float], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.zeros(round(rng.uniform(*seconds) * SAMPLE_RATE))


def _word(index: int, seconds: float, rng: np.random.Generator, pitch: float) -> NDArray[np.float64]:
    """Return one word: two gliding tones under a short rise and fall."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    glide = 1 + rng.uniform(-0.02, 0.02) * time / seconds
    low, high = _LOW[index % 4], _HIGH[index // 4]
    tones = sum(
        level * np.sin(2 * np.pi * pitch * hertz * np.cumsum(glide) / SAMPLE_RATE + rng.uniform(0, 2 * np.pi))
        for hertz, level in ((low, 0.5), (high, 0.35))
    )
    envelope = np.minimum(1, np.minimum(time, seconds - time) / _RISE_S)
    return np.asarray(tones * envelope * rng.uniform(0.7, 1.0))
