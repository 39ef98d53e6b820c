"""The encoder of families that hear through a Whisper of windows: one window after the other.

A clip's windows are computed in one pass, clips one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.models.checkpoint import Checkpoint
from earmark.models.lengths import positions
from earmark.models.stock import Asked, StockEncoder, called_with
from earmark.reduction.encoder_scores import SCORES, scores_of

MARGIN = 3
"""Frames behind the audio that are kept of a mel: two hear its end, and the third is silence."""


class WindowEncoder(StockEncoder):
    """See :class:`earmark.models.stock.StockEncoder`."""

    masks: ClassVar[bool] = True
    """Whether frames behind the audio are left out of the attention, and have no tokens."""

    def read_extractor(self, checkpoint: Checkpoint) -> Any:
        """Return the checkpoint's feature extractor; it says how long a window is."""
        extractor = super().read_extractor(checkpoint)
        self.frames: int = extractor.nb_max_frames
        return extractor

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [bands, frames + 3] of audio [samples].

        Audio of more than a window comes in windows, each a spectrogram of its own, one after the other.
        """
        hop = self.extractor.hop_length
        size = self.frames * hop
        starts = range(0, len(samples), size)
        found = [self._spectrogram(samples[start : start + size]) for start in starts]
        last = -(-len(samples[starts[-1] :]) // hop)
        whole = torch.cat([*found, found[-1][:, -1:].expand(-1, MARGIN)], dim=1)
        return whole[:, : self.frames * (len(found) - 1) + last + MARGIN].clone()

    def _spectrogram(self, samples: NDArray[np.float32]) -> Tensor:
        features = self.extractor(
            samples, sampling_rate=self.extractor.sampling_rate, padding="max_length", return_tensors="pt"
        )
        mel: Tensor = features["input_features"][0]
        return mel

    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one mel, and scores of them, by name."""
        windows, lengths = self.windows(mel)
        tokens, (hidden, *_) = called_with(self.tower.layers[-1], lambda: self.features(windows, lengths))
        found = {"projector": tokens}
        if not set(SCORES).isdisjoint(wanted):
            found |= self._scores(hidden, lengths)
        return {name: found[name] for name in wanted}

    def windows(self, mel: Tensor) -> tuple[Tensor, list[int]]:
        """Return the windows [n, bands, frames] of a mel, filled up with silence, and their real frames."""
        frames = mel.shape[1] - MARGIN
        count = -(-frames // self.frames)
        missing = max(0, count * self.frames - mel.shape[1])
        filled = torch.cat([mel, mel[:, -1:].expand(-1, missing)], dim=1)[:, : count * self.frames]
        lengths = [self.frames] * (count - 1) + [frames - (count - 1) * self.frames]
        return torch.stack(filled.split(self.frames, dim=1)), lengths

    def features(self, windows: Tensor, lengths: list[int]) -> Tensor:
        """Return the tokens [tokens, width] of a clip's windows, as the stock model makes them."""
        mask = (
            torch.arange(self.frames, device=self.device) < torch.tensor(lengths, device=self.device)[:, None]
        )
        tokens: Tensor = self.model.get_audio_features(windows, mask.long()).pooler_output
        return tokens

    def _scores(self, hidden: Tensor, lengths: list[int]) -> dict[str, Tensor]:
        """Return the scores of a clip's tokens from the input of the tower's last layer."""
        pool = self.family.audio.positions_per_token
        seen = [positions(frames) for frames in lengths]
        scores = scores_of(self.tower.layers[-1], hidden, pool, seen if self.masks else None)
        tokens = [count // pool if self.masks else hidden.shape[1] // pool for count in seen]
        return {
            name: torch.cat([values[row, :count] for row, count in enumerate(tokens)])
            for name, values in scores.items()
        }


class AttendingWindows(Asked, WindowEncoder):
    """One whose last layer is built like Whisper's, so that it can be asked what it attends to."""
