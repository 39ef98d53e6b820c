"""What training does to a clip, in AST's order: waveforms mixed, features masked, then shifted with noise.

Each function takes its random numbers from the generator it is given and from nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from earmark.systems.tagging.settings import Training

NOISE = 0.1
"""The noise is uniform in [0, this times a random number), in units of normalised features."""

SHIFT = 10
"""A clip is moved by -10 to 9 frames, as published."""


@dataclass(frozen=True)
class Augmentation:
    """How clips are changed: the settings of a training that this reads, and the seed.

    ``mixup`` is the share of clips that are mixed, by a factor from Beta(``mixup_beta``,
    ``mixup_beta``); masks are at most ``freq_mask`` bins and ``time_mask`` frames wide; ``noise``
    switches noise and shift on together.
    """

    mixup: float = 0.0
    mixup_beta: float = 10.0
    freq_mask: int = 0
    time_mask: int = 0
    noise: bool = False
    seed: int = 0

    @classmethod
    def of(cls, training: Training, seed: int) -> Self:
        """Return the augmentation that a training asks for."""
        masks = training.freq_mask, training.time_mask or 0
        return cls(training.mixup, training.mixup_beta, *masks, training.noise, seed)

    def generator(self, draw: int) -> np.random.Generator:
        """Return the random numbers of one draw of a clip: a function of seed and draw alone."""
        return np.random.default_rng((self.seed, draw))


def mixed(first: Tensor, second: Tensor, factor: float) -> Tensor:
    """Return ``factor`` of the first waveform and the rest of the second, as long as the first.

    Each is freed of its mean before the second is cut, or padded with zeros, to length.
    """
    other = torch.zeros_like(first)
    length = min(len(first), len(second))
    other[:length] = (second - second.mean())[:length]
    return factor * (first - first.mean()) + (1 - factor) * other


def masked(features: Tensor, freq_mask: int, time_mask: int, rng: np.random.Generator) -> Tensor:
    """Return [frames, bins] with a band of bins and a stretch of frames set to 0.

    A mask's width is uniform in [0, its maximum), its place uniform among those that fit. Zero is what
    padding holds; the features are not normalised yet. Changed in place.
    """
    for axis, most in ((1, freq_mask), (0, time_mask)):
        size = features.shape[axis]
        width = rng.random() * min(most, size)
        start = int(rng.random() * (size - width))
        if int(width):
            features.narrow(axis, start, int(width)).zero_()
    return features


def shifted(features: Tensor, padding: float, rng: np.random.Generator) -> Tensor:
    """Return normalised features [frames, bins] moved in time by -10 to 9 frames, with noise added.

    What is moved out at one end is gone, and ``padding``, the value of a padded cell, comes in at the
    other. AST turns the clip round instead, so that its beginning may be heard after its end.
    """
    frames, bins = features.shape
    by = int(rng.integers(-SHIFT, SHIFT))
    level = rng.random(dtype=np.float32) * np.float32(NOISE)
    made = torch.from_numpy(rng.random((frames, bins), dtype=np.float32)) * float(level)
    moved = torch.full_like(features, padding)
    kept = max(0, frames - abs(by))
    moved[max(0, by) : max(0, by) + kept] = features[max(0, -by) : max(0, -by) + kept]
    return made + moved
