"""Mixtures as AudioSep trains on them: a target, and interferers at a whole number of decibels.

Every item is drawn from a generator of its own, so what one sample is depends on neither the batch nor the
order (the public code seeds by the batch, so an epoch's mixtures come again in the next).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from earmark.systems.separation.mono import Wave

_SMALLEST_POWER = 1e-10
_LEAST, _MOST = 0.02, 50.0
_PEAK = 0.9
_TRIES = 4
_HEARD = 0.1


@dataclass(frozen=True)
class Levels:
    """By how many decibels an interferer is louder than its target: whole numbers, both ends included."""

    low: int = -10
    high: int = 10


@dataclass(frozen=True)
class Mixture:
    """A mixture and the target in it, [samples] each, and how far the target is above the rest, in dB."""

    mixture: Wave
    target: Wave
    snr_db: float


def match(wave: Wave, reference: Wave, decibels: float) -> Wave:
    """Return a wave scaled to be so many decibels louder than a reference.

    The ratio of their amplitudes is taken as no less than 0.02 and no more than 50, as published, so silence
    is not blown up.
    """
    power, other = (float(np.mean(np.square(each, dtype=np.float64))) for each in (wave, reference))
    ratio = min(max((power / max(other, _SMALLEST_POWER)) ** 0.5, _LEAST), _MOST)
    return np.asarray(wave / ratio * 10 ** (decibels / 20), np.float32)


def mix(
    target: Wave, interferers: Sequence[Wave], rng: np.random.Generator, levels: Levels | None = None
) -> Mixture:
    """Return a target mixed with interferers of its length.

    Each interferer is matched to the target at a level of its own, and their sum once more, as published. So
    of one interferer the first level has no effect. What would be louder than full scale is turned down,
    target and mixture alike.

    Raises:
        ValueError: there is no interferer.

    """
    if not interferers:
        raise ValueError("a mixture needs an interferer")
    levels = levels or Levels()
    drawn = rng.integers(levels.low, levels.high + 1, size=len(interferers) + 1).tolist()
    noise = np.zeros_like(target)
    for wave, decibels in zip(interferers, drawn, strict=False):
        noise += match(wave, target, decibels)
    noise = match(noise, target, drawn[-1])
    mixture = target + noise
    snr_db = _decibels(target) - _decibels(noise)
    peak = float(np.abs(mixture).max())
    if peak > 1:
        mixture, target = mixture * (_PEAK / peak), target * (_PEAK / peak)
    return Mixture(np.asarray(mixture, np.float32), np.asarray(target, np.float32), snr_db)


def crop(wave: Wave, samples: int, rng: np.random.Generator) -> Wave:
    """Return so many samples from a random place, padded with silence at the end where there are fewer.

    A place where next to nothing is heard is drawn again, a few times: most of a short bark's recording is
    silence, of which there is nothing to learn.
    """
    if len(wave) <= samples:
        return np.pad(wave, (0, samples - len(wave)))
    power, best, most = float(np.mean(np.square(wave))), wave[:samples], -1.0
    for _ in range(_TRIES):
        start = int(rng.integers(len(wave) - samples + 1))
        part = wave[start : start + samples]
        found = float(np.mean(np.square(part)))
        if found > most:
            best, most = part, found
        if most > _HEARD * power:
            break
    return best


def played(wave: Wave, samples: int) -> Wave:
    """Return a wave played so much faster or slower that it has so many samples; its pitch moves along."""
    found = soxr.resample(wave, len(wave), samples, quality="MQ")
    return np.asarray(np.pad(found, (0, max(0, samples - len(found))))[:samples], np.float32)


def _decibels(wave: Wave) -> float:
    """Return the power of a wave in dB."""
    return 10 * float(np.log10(max(float(np.mean(np.square(wave, dtype=np.float64))), _SMALLEST_POWER)))
