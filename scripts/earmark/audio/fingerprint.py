"""A compact acoustic fingerprint, to propose clips that may be the same recording whatever its file format.

Landmarks after Wang, "An Industrial-Strength Audio Search Algorithm" (ISMIR 2003): the peaks of a
spectrogram survive noise, lossy coding and changes of level, and the frequencies of three of them with
the time between them say much about where in which recording they are. Of all triples of a clip,
one-permutation min-hashing (Li, Owen and Zhang, NeurIPS 2012) keeps at most :data:`SLOTS`: each has its
slot by its hash, and the smallest of a slot stays. So a clip of a second and one of an hour take as much
room, and two clips agree in about as many slots as they have triples in common, in copies at one and the
same difference of time. A copy that was clipped has other peaks than its original, but once both are cut
off alike they are nearly one: a ninth of the slots is of the audio so limited. A fingerprint only
proposes: :mod:`earmark.audio.correlation` decides.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from earmark.audio.limiter import limited
from earmark.core.errors import UserError

PLAIN_BITS, LIMITED_BITS = 8, 5
SLOTS = (1 << PLAIN_BITS) + (1 << LIMITED_BITS)
"""Triples kept of a clip, at 8 bytes each: of its audio as it is, and behind them of that limited."""

HOP_S, WINDOW_S = 0.016, 0.064
"""Of the spectrogram: a frame starts each hop, and lines are 15.6 Hz apart at every sample rate."""

LOWEST_HZ, HIGHEST_HZ = 100.0, 4000.0

AROUND = (3, 6)
"""A peak is the strongest within so many frames and lines to each side."""

RANGE = 1e-3
"""Peaks this much weaker than the strongest are left out: noise added 20 dB below brings too many."""

FLOOR = 1e-8
"""Mean square that some window must reach in a clip that is not silent: -80 dB of full scale."""

REACH, SPAN = 20, 31
"""Peaks behind the first one, and frames (half a second), within which a triple lies."""

WIDE = 6
"""Triples of at least so many frames come first: peaks close together say little of a recording."""

EVERY, PAIRS = 2, 1024
"""Of the pairs of peaks, chosen by their hash, one in so many is made triples of, and so many of a clip."""

COARSE = 2
"""Frames and lines that are not told apart: peaks move by one when a copy begins between two frames."""

BLOCK = 128
"""Frames transformed at once: they stay in the processor's cache, and hours of audio need no more memory."""

RECORD = np.dtype([("key", "<u4"), ("frame", "<u4")])
"""One slot: half of the hash of its triple, 0 where there is none, and the frame of its first peak."""

Sketch = NDArray[np.void]
"""What a fingerprint holds: :data:`SLOTS` of :data:`RECORD`."""


def fingerprint(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Return the fingerprint of mono audio [samples] of 8 kHz or more; empty where nothing is heard."""
    plain = _kept(samples, sample_rate, PLAIN_BITS)
    if not plain["key"].any():
        return b""
    return np.concatenate([plain, _kept(limited(samples), sample_rate, LIMITED_BITS)]).tobytes()


def _kept(samples: NDArray[np.float32], sample_rate: int, bits: int) -> Sketch:
    """Return what is kept of some audio, in a slot for each number of so many bits."""
    frame, line = _peaks(samples, sample_rate)
    key, first = _triples(frame, line // COARSE)
    # Sorted by slot, which the lowest bits say, then by the rest.
    order = np.argsort(key << np.uint64(64 - bits) | key >> np.uint64(bits))
    slot = (key[order] % np.uint64(1 << bits)).astype(np.intp)
    smallest = np.diff(slot, prepend=-1) > 0
    order, slot = order[smallest], slot[smallest]
    found = np.zeros(1 << bits, RECORD)
    found["key"][slot] = np.maximum(key[order] >> np.uint64(32), np.uint64(1))
    found["frame"][slot] = first[order]
    return found


def sketch(print_: bytes) -> Sketch:
    """Return what a fingerprint holds; no slot is filled of one of silence.

    Raises:
        UserError: it was made by another version.

    """
    if len(print_) not in (0, SLOTS * RECORD.itemsize):
        raise UserError("an index has fingerprints of another version; delete it to make it again")
    return np.frombuffer(print_, RECORD) if print_ else np.zeros(SLOTS, RECORD)


def votes(a: Sketch, b: Sketch) -> tuple[int, float]:
    """Return in how many slots two clips agree at one difference of time, and that difference in seconds.

    The difference is how much later the same sound begins in ``a``; 0 if they agree nowhere.
    """
    same = (a["key"] == b["key"]) & (a["key"] > 0)
    if not same.any():
        return 0, 0.0
    later = np.sort(a["frame"][same].astype(np.int64) - b["frame"][same])
    within = np.searchsorted(later, later + COARSE, "right") - np.arange(len(later))
    most = int(within.argmax())
    return int(within[most]), float(np.median(later[most : most + within[most]])) * HOP_S


def _peaks(samples: NDArray[np.float32], sample_rate: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return frame and line of the peaks of the spectrogram, in order of time."""
    size, hop = round(WINDOW_S * sample_rate), round(HOP_S * sample_rate)
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    frames = sliding_window_view(samples, size)[::hop]
    lowest, highest = round(LOWEST_HZ * size / sample_rate), round(HIGHEST_HZ * size / sample_rate)
    window = _window(size)
    margin = AROUND[0]
    found: list[NDArray[np.int64]] = []
    strength: list[NDArray[np.float32]] = []
    for start in range(0, len(frames), BLOCK):
        begin = max(0, start - margin)
        spectrum = scipy.fft.rfft(frames[begin : start + BLOCK + margin] * window, axis=1)
        lines = spectrum[:, lowest : highest + 1]
        frame, line, height = _strongest(np.square(lines.real) + np.square(lines.imag))
        own = (frame >= start - begin) & (frame < start - begin + BLOCK)
        strength.append(height[own])
        found.append(np.stack([frame[own] + begin, line[own]]))
    peaks, heights = np.concatenate(found, axis=1), np.concatenate(strength)
    # A sine of mean square m has a line of m times half the square of the window's sum.
    least = FLOOR * float(window.sum()) ** 2 / 2
    if not len(heights) or heights.max() < least:
        return peaks[0, :0], peaks[1, :0]
    strong = heights > RANGE * heights.max()
    return peaks[0, strong], peaks[1, strong]


@cache
def _window(size: int) -> NDArray[np.float32]:
    """Return the window [size]."""
    return np.hanning(size).astype(np.float32)


def _strongest(
    power: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return frame, line and power of what is the strongest :data:`AROUND` it in power [frames, lines]."""
    (frames, lines), (before, beside) = power.shape, AROUND
    # Zeros as wide as a window keep the rows apart, so that both maxima can run over the flat array.
    framed = np.zeros((frames + 2 * before, lines + 2 * beside), np.float32)
    framed[before : before + frames, beside : beside + lines] = power
    width = framed.shape[1]
    most = _highest(_highest(framed.ravel(), beside, 1), before, width)
    flat = framed.ravel()[before * width + beside :][: len(most)]
    at = np.flatnonzero((flat == most) & (flat > 0))
    frame, line = np.divmod(at, width)
    return frame, line, flat[at]


def _highest(values: NDArray[np.float32], around: int, stride: int) -> NDArray[np.float32]:
    """Return the maximum of each value and ``around`` to both sides, ``stride`` apart, where they are."""
    width = 1
    while width <= 2 * around:
        step = min(width, 2 * around + 1 - width)
        values = np.maximum(values[: -step * stride], values[step * stride :])
        width += step
    return values


def _triples(
    frame: NDArray[np.int64], line: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of every triple of peaks that is chosen, and the frame of its first peak."""
    nothing = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    if len(frame) < 3:
        return nothing
    first, ahead = np.nonzero(
        np.arange(len(frame))[:, None] + np.arange(2, min(REACH, len(frame) - 1) + 1) < len(frame)
    )
    last = first + ahead + 2
    near = frame[last] - frame[first] <= SPAN
    first, last = first[near], last[near]
    narrow = (frame[last] - frame[first] < WIDE).astype(np.uint64)
    key = mixed(line[first] << 16 | line[last] << 8 | (frame[last] - frame[first]) // COARSE)
    key = key >> np.uint64(1) | narrow << np.uint64(63)
    chosen = key % np.uint64(EVERY) == 0
    if np.count_nonzero(chosen) > PAIRS:
        chosen &= key <= np.partition(key[chosen], PAIRS)[PAIRS]
    first, last, key, narrow = first[chosen], last[chosen], key[chosen], narrow[chosen]
    between = last - first - 1
    if not len(between):
        return nothing
    pair = np.repeat(np.arange(len(first)), between)
    start = first[pair]
    middle = start + 1 + np.arange(len(pair)) - np.repeat(np.cumsum(between) - between, between)
    third = line[middle] << 8 | (frame[middle] - frame[start]) // COARSE
    found = mixed(key[pair] ^ third.astype(np.uint64)) >> np.uint64(1) | narrow[pair] << np.uint64(63)
    return found, frame[start]


def mixed(values: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return values scattered evenly (the finaliser of splitmix64)."""
    scattered = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    scattered = (scattered ^ scattered >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    scattered = (scattered ^ scattered >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return scattered ^ scattered >> np.uint64(31)
