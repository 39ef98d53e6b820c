"""Training batches from few recordings: crops, joins within a class, masking, on precomputed log-mel.

Everything is done on Whisper's log-mel (log10 of power, cut at 8 below the clip's maximum, plus 4,
divided by 4), so one unit is 40 dB and the cut lies 2 units below the maximum. Joining is exact there
but for the frames at the seam; mixing adds powers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_SECOND = 100
_DB_PER_UNIT = 40.0
_DYNAMIC_RANGE = 2.0  # Whisper's 8 powers of ten, in mel units
_GRID = 4  # frames; one audio token

Mel = NDArray[np.floating]


@dataclass(frozen=True)
class TrainingClip:
    """A recording of one class.

    `mel` is its log-mel, shape [128, frames], 100 frames a second, float16 to halve the memory.
    """

    clip_id: str
    label: str
    mel: NDArray[np.float16]

    @property
    def answer(self) -> str:
        """What is to be said of it."""
        return self.label


@dataclass(frozen=True)
class Augmentation:
    """How training clips are cut, joined and varied."""

    clip_s: tuple[float, float] = (4.0, 60.0)  # a batch's length, log-uniform: short is cheap, long is asked
    gain_db: float = 6.0  # at most, up or down
    mix_share: float = 0.0  # of the recordings, mixed with another one of the class
    band_masks: int = 0  # per clip
    band_width: int = 16  # mel bands, at most
    time_masks_per_10s: int = 0
    time_width_s: float = 0.5  # at most


class Cropper:
    """Draws batches of one length from recordings sorted by class."""

    def __init__(self, clips: Sequence[TrainingClip], classes: Sequence[str], how: Augmentation) -> None:
        self._how = how
        self._by_class = [[clip.mel for clip in clips if clip.label == name] for name in classes]

    def length(self, rng: np.random.Generator, longest_s: float = np.inf) -> int:
        """Draw a batch's length in frames, at most `longest_s` seconds."""
        seconds = np.exp(rng.uniform(*np.log(np.minimum(self._how.clip_s, longest_s))))
        return max(_GRID, round(seconds * FRAMES_PER_SECOND) // _GRID * _GRID)

    def batch(
        self, rows: int, frames: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Draw `rows` clips of `frames` frames, classes as even as can be.

        Returns log-mel, shape [rows, 128, frames], and class numbers, shape [rows].
        """
        count = len(self._by_class)
        turns = [rng.permutation(count) for _ in range(-(-rows // count))]
        labels = np.concatenate(turns)[:rows]
        return np.stack([self._clip(int(label), frames, rng) for label in labels]), labels

    def _clip(self, label: int, frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Join crops of recordings of one class until the length is reached."""
        recordings = self._by_class[label]
        parts: list[NDArray[np.float32]] = []
        left = frames
        for index in _endless(len(recordings), rng):
            part = self._recording(recordings, index, left, rng)
            parts.append(part)
            left -= part.shape[1]
            if left == 0:
                break
        mel = np.concatenate(parts, axis=1)
        mel += rng.uniform(-1, 1) * self._how.gain_db / _DB_PER_UNIT
        # the extractor cuts below the whole clip's maximum, so quiet parts of a join lose their floor
        mel = np.maximum(mel, mel.max() - _DYNAMIC_RANGE)
        self._mask(mel, rng)
        return mel

    def _recording(
        self, recordings: Sequence[Mel], index: int, most: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Cut at most `most` frames at a random place, perhaps mixed with another recording of the class."""
        part = _cut(recordings[index], most, rng)
        if len(recordings) > 1 and rng.random() < self._how.mix_share:
            other = _cut(recordings[int(rng.integers(len(recordings)))], part.shape[1], rng)
            shared = min(part.shape[1], other.shape[1])
            part[:, :shared] = _mix(part[:, :shared], other[:, :shared] - rng.uniform(0, 10) / _DB_PER_UNIT)
        return part

    def _mask(self, mel: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Replace random bands and stretches of time by the clip's mean, in place (SpecAugment)."""
        how, frames = self._how, mel.shape[1]
        mean = mel.mean()
        for _ in range(how.band_masks):
            width = int(rng.integers(how.band_width + 1))
            low = int(rng.integers(mel.shape[0] - width + 1))
            mel[low : low + width] = mean
        for _ in range(how.time_masks_per_10s * -(-frames // (10 * FRAMES_PER_SECOND))):
            width = min(frames, int(rng.uniform(0, how.time_width_s) * FRAMES_PER_SECOND))
            start = int(rng.integers(frames - width + 1))
            mel[:, start : start + width] = mean


def _endless(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield indices in random order for ever, every index once before any comes again."""
    while True:
        yield from rng.permutation(count).tolist()


def _cut(mel: Mel, most: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Copy at most `most` frames from a random place."""
    frames = min(most, mel.shape[1])
    start = int(rng.integers(mel.shape[1] - frames + 1))
    return mel[:, start : start + frames].astype(np.float32)


def _mix(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add two log-mels' powers."""
    scale = 4 * np.log(10.0)
    return (np.logaddexp(first * scale, second * scale) / scale).astype(np.float32)
