"""Separation of recordings of any length, rate and number of channels.

A recording is cut into overlapping chunks, whose estimates are faded into each other; the transform and the
network see each chunk alone, so memory does not grow with the length. Channels are separated one by one with
the same query, so a stereo image stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.systems.separation.mono import Wave
from earmark.systems.separation.network.spectrum import SAMPLE_RATE, WINDOW

Separate = Callable[[Tensor], Tensor]
"""From mixtures [batch, samples] at 32 kHz to estimates of the same shape."""


def asking(network: nn.Module, queries: Tensor) -> Separate:
    """Return a network with its queries' vectors [queries, size]: one of each mixture, or one of all."""

    def separator(mixtures: Tensor) -> Tensor:
        found: Tensor = network(mixtures.to(queries.device), queries.expand(len(mixtures), -1))
        return found

    return separator


TOGETHER = 4
"""Chunks that a GPU separates together."""


@dataclass(frozen=True)
class Chunks:
    """Chunks of ``seconds`` of which ``overlap`` seconds are shared by neighbours; ``batch`` go together.

    None leaves that to the device: on a CPU the states of several fall out of its caches (``batch_ratio`` in
    bench/separation.py).
    """

    seconds: float = 10.0
    overlap: float = 1.0
    batch: int | None = None

    @property
    def samples(self) -> int:
        """Of a chunk."""
        return round(self.seconds * SAMPLE_RATE)

    def on(self, device: torch.device) -> Chunks:
        """Return chunks of which it is settled how many go together."""
        return replace(self, batch=self.batch or (1 if device.type == "cpu" else TOGETHER))

    def __post_init__(self) -> None:
        """Check that chunks are longer than what they share; raises ValueError."""
        if not 0 < 2 * self.overlap <= self.seconds:
            raise ValueError(f"an overlap of {self.overlap} s is too long for chunks of {self.seconds} s")


def separate(wave: Wave, separator: Separate, chunks: Chunks | None = None) -> Wave:
    """Return the estimate of a mono recording at 32 kHz, [samples], in the same length.

    One that fits into a chunk goes through whole; of a longer one every chunk has the same length, the last
    ending where the recording ends, and estimates cross over linearly.
    """
    chunks = chunks or Chunks()
    length, shared = chunks.samples, round(chunks.overlap * SAMPLE_RATE)
    samples = len(wave)
    if samples <= length:
        return equally_long(separator, [wave])[0]
    starts = [*range(0, samples - length, length - shared), samples - length]
    made, weights = np.zeros(samples, np.float64), np.zeros(samples, np.float64)
    together = chunks.batch or 1
    for first in range(0, len(starts), together):
        several = starts[first : first + together]
        parts = equally_long(separator, [wave[start : start + length] for start in several])
        for start, part in zip(several, parts, strict=True):
            fade = _fade(length, shared, start > 0, start + length < samples)
            made[start : start + length] += fade * part
            weights[start : start + length] += fade
    return (made / weights).astype(np.float32)


def separate_any(recording: Wave, rate: int, separator: Separate, chunks: Chunks | None = None) -> Wave:
    """Return the estimate of a recording [frames, channels] at any rate, in its shape and at its rate."""
    frames = len(recording)
    made = np.empty_like(recording)
    for channel in range(recording.shape[1]):
        wave = np.ascontiguousarray(recording[:, channel])
        found = separate(_resampled(wave, rate, SAMPLE_RATE), separator, chunks)
        made[:, channel] = _fitted(_resampled(found, SAMPLE_RATE, rate), frames)
    return made


def equally_long(separator: Separate, parts: Sequence[Wave]) -> Wave:
    """Return the estimates of equally long parts, [parts, samples]; the shortest are padded with silence."""
    samples = len(parts[0])
    padded = [np.pad(part, (0, max(0, WINDOW - samples))) for part in parts]
    with torch.inference_mode():
        found = separator(torch.from_numpy(np.stack(padded))).float().cpu().numpy()
    return np.asarray(found[:, :samples], np.float32)


def _fade(length: int, shared: int, rises: bool, falls: bool) -> NDArray[np.float64]:
    """Return the weights of a chunk: 1, and linear where a neighbour shares its ends."""
    weights = np.ones(length)
    ramp = (np.arange(shared) + 0.5) / shared
    if rises:
        weights[:shared] = ramp
    if falls:
        weights[length - shared :] = ramp[::-1]
    return weights


def _resampled(wave: Wave, old: int, new: int) -> Wave:
    return wave if old == new else np.asarray(soxr.resample(wave, old, new, quality="HQ"), np.float32)


def _fitted(wave: Wave, samples: int) -> Wave:
    """Return a wave of so many samples: resampling there and back may be one off."""
    return np.pad(wave, (0, max(0, samples - len(wave))))[:samples]
