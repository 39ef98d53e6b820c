"""A log-mel spectrogram at its audio's own length, by an extractor like Whisper's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def natural_mel(extractor: Any, samples: NDArray[np.float32]) -> Tensor:
    """Return the log-mel spectrogram [bands, frames] of audio [samples], nothing filled up."""
    features = extractor(
        samples,
        sampling_rate=extractor.sampling_rate,
        padding="longest",
        truncation=False,
        return_attention_mask=True,
        return_tensors="pt",
    )
    frames = int(features["attention_mask"].sum())
    mel: Tensor = features["input_features"][0, :, :frames]
    return mel
