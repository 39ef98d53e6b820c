"""Whether two clips are one recording: the peak of their normalised cross-correlation.

Plain correlation is high between any two clips with the same loud vowel, hum or beat. Here both are
whitened first (Knapp and Carter, "The generalized correlation method for estimation of time delay", IEEE
TASSP 1976, with the exponent and the floor below): what counts is that all audible frequencies agree in
phase, all along. Everything is normalised by the energy where the two overlap, so a shift or another
length costs nothing, and the lag is resolved to an eighth of a sample, without which the upper
frequencies of a copy that went through a codec cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from earmark.audio.limiter import limited

RATE = 8000
"""Sample rate in Hz at which clips are compared."""

LOWEST_HZ, HIGHEST_HZ = 100.0, 3800.0

SAME = 0.75
"""Peak from which two clips are the same audio; docs/data_audit.md says how it was chosen."""

WHITENING = 0.8
"""Exponent: 0 leaves the spectrum, 1 makes all frequencies alike."""

RANGE = 1e-3
"""Where the spectrum is this much weaker than at its strongest it is not raised: there is noise."""

SMOOTH_HZ = 60.0

LEAST_S, LEAST_SHARE = 0.15, 0.3
"""The two must overlap by so many seconds and by this share of the shorter one."""

LEAST_ENERGY = 0.1
"""Share of each clip's (whitened) energy that must lie in the overlap."""

LEAST_VALUES = 200
"""Independent values that must agree: a steady tone has few, so it proves nothing."""

LONGEST_S = 60.0
"""Seconds that are compared, around where the fingerprints agree; bounds memory and time."""

FINE = 8
REACH = 32


@dataclass(frozen=True)
class Match:
    """How alike two clips are.

    ``peak`` is the lower of the plain and the whitened correlation, from -1 (turned upside down) to 1;
    ``lag_s`` is how much later the same sound begins in the first clip, ``overlap_s`` how long both have it.
    """

    peak: float
    lag_s: float
    overlap_s: float

    @property
    def same(self) -> bool:
        """Say whether it is the same audio."""
        return abs(self.peak) >= SAME


def match(x: NDArray[np.float32], y: NDArray[np.float32], hint_s: float = 0.0) -> Match | None:
    """Return how alike two clips [samples at :data:`RATE`] are at the lag where they are most alike.

    ``hint_s``: about the lag, needed only where a clip is longer than :data:`LONGEST_S`. None where
    nothing can be said: silence, hardly any overlap, or so few frequencies that all such clips are alike.

    A clipped copy agrees with its original only once the original is clipped, too: where the two do not
    pass for the same, they are compared with the peaks of both cut off.
    """
    found = _match(x, y, hint_s)
    if found is None or found.same:
        return found
    cut_off = _match(limited(x), limited(y), hint_s)
    return found if cut_off is None or abs(cut_off.peak) < abs(found.peak) else cut_off


def _match(x: NDArray[np.float32], y: NDArray[np.float32], hint_s: float) -> Match | None:
    """Return how alike two clips are as they are."""
    x, y, cut_s = _stretches(x, y, hint_s)
    least = max(round(LEAST_S * RATE), round(LEAST_SHARE * min(len(x), len(y))))
    if min(len(x), len(y)) < least:
        return None
    size = scipy.fft.next_fast_len(len(x) + len(y), real=True)
    first, second = _spectrum(x, size), _spectrum(y, size)
    strength = np.sqrt(_smoothed(first, size) * _smoothed(second, size))
    if not strength.any():
        return None
    filtered = (strength + RANGE) ** (-WHITENING / 2)
    a, b = first * filtered, second * filtered
    whole = _best(a, b, (len(x), len(y)), least, size)
    if whole is None:
        return None
    values = np.abs(a) * np.abs(b)
    if _independent(values, size, len(x), len(y), whole) < LEAST_VALUES:
        return None
    lag = whole + _fraction(a, b, whole, size)
    peaks = [_correlation(p, q, lag, (len(x), len(y)), size) for p, q in ((a, b), (first, second))]
    overlap = min(len(x), len(y) + lag) - max(0.0, lag)
    return Match(min(peaks, key=abs), lag / RATE + cut_s, overlap / RATE)


def _stretches(
    x: NDArray[np.float32], y: NDArray[np.float32], hint_s: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return what of long clips is compared, and how much later it begins in ``x`` than in ``y``, seconds."""
    most, hint = round(LONGEST_S * RATE), round(hint_s * RATE)
    if max(len(x), len(y)) <= most:
        return x, y, 0.0
    low, high = max(0, hint), min(len(x), len(y) + hint)
    begin = max(low, (low + high - most) // 2)
    end = min(high, begin + most)
    return x[begin:end], y[begin - hint : end - hint], hint / RATE


def _spectrum(samples: NDArray[np.float32], size: int) -> NDArray[np.complex64]:
    """Return the spectrum within the band that is compared; its strongest smoothed line has power 1."""
    spectrum = scipy.fft.rfft(samples, size)
    hertz = np.arange(len(spectrum)) * (RATE / size)
    spectrum[(hertz < LOWEST_HZ) | (hertz > HIGHEST_HZ)] = 0
    most = _smoothed(spectrum, size).max()
    scaled: NDArray[np.complex64] = spectrum / np.float32(np.sqrt(most) or 1.0)
    return scaled


def _smoothed(spectrum: NDArray[np.complex64], size: int) -> NDArray[np.float32]:
    """Return the power averaged over :data:`SMOOTH_HZ`."""
    width = max(1, round(SMOOTH_HZ * size / RATE / 2))
    total = np.cumsum(np.pad(spectrum.real**2 + spectrum.imag**2, (width + 1, width)), dtype=np.float64)
    power = (total[2 * width + 1 :] - total[: -2 * width - 1]) / (2 * width + 1)
    return np.maximum(power, 0).astype(np.float32)


def _best(
    a: NDArray[np.complex64], b: NDArray[np.complex64], lengths: tuple[int, int], least: int, size: int
) -> int | None:
    """Return the lag in samples of the highest normalised cross-correlation among all that overlap enough."""
    product = scipy.fft.irfft(a * b.conj(), size)
    lags = np.arange(least - lengths[1], lengths[0] - least + 1)
    energies = []
    for spectrum, length, start, stop in (
        (a, lengths[0], np.maximum(lags, 0), np.minimum(lengths[0], lengths[1] + lags)),
        (b, lengths[1], np.maximum(-lags, 0), np.minimum(lengths[1], lengths[0] - lags)),
    ):
        samples = scipy.fft.irfft(spectrum, size)[:length]
        total = np.concatenate([[0.0], np.cumsum(np.square(samples), dtype=np.float64)])
        energies.append((total[stop] - total[start]) / total[-1] if total[-1] else np.zeros(len(lags)))
        product = product / np.sqrt(total[-1] or 1.0)
    usable = np.minimum(*energies) >= LEAST_ENERGY
    if not usable.any():
        return None
    height = np.where(usable, np.abs(product[lags]), 0) / np.sqrt(np.maximum(energies[0] * energies[1], 1e-9))
    return int(lags[height.argmax()])


def _independent(values: NDArray[np.float32], size: int, first: int, second: int, lag: int) -> float:
    """Return about how many independent values the overlap has: the lines that matter, twice each.

    ``values`` are the lines of the cross-spectrum; how many matter is their participation ratio.
    """
    lines = float(values.sum(dtype=np.float64)) ** 2 / float(np.square(values).sum(dtype=np.float64))
    return 2 * lines * (min(first, second + lag) - max(0, lag)) / size


def _fraction(a: NDArray[np.complex64], b: NDArray[np.complex64], lag: int, size: int) -> float:
    """Return by how much of a sample the peak lies beside ``lag``, from -1 to 1."""
    product = scipy.fft.irfft(a * b.conj(), size)
    near = np.arange(-REACH, REACH + 1)
    steps = np.arange(-FINE, FINE + 1) / FINE
    between = np.sinc(steps[:, None] - near) @ product[(lag + near) % size]
    return float(steps[np.abs(between).argmax()])


def _correlation(
    a: NDArray[np.complex64], b: NDArray[np.complex64], lag: float, lengths: tuple[int, int], size: int
) -> float:
    """Return the correlation of two signals at a lag, over what overlaps."""
    whole = int(np.floor(lag))
    turn = np.exp(-2j * np.pi / size * (lag - whole) * np.arange(len(b))).astype(np.complex64)
    x, y = scipy.fft.irfft(a, size)[: lengths[0]], scipy.fft.irfft(b * turn, size)[: lengths[1]]
    x, y = (x[whole:], y) if whole >= 0 else (x, y[-whole:])
    length = min(len(x), len(y))
    x, y = x[:length].astype(np.float64), y[:length].astype(np.float64)
    energy = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / energy if energy else 0.0
