"""The encoder of families that hear through a Whisper of windows: stock classes, one window after the other.

Tower and projector are transformers' own, and so is the way through them (`get_audio_features`); only the
language model beside them is left out. A clip's windows are computed in one pass, clips one by one, so that
a clip gives the same states whatever it is encoded with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoFeatureExtractor

from earmark.core.errors import UserError
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.config import read_config
from earmark.models.contract import Family
from earmark.models.lengths import positions
from earmark.models.loading import unfilled
from earmark.models.sizes import Depth
from earmark.models.untrusted import read_part
from earmark.reduction.encoder_scores import SCORES, scores_of

MARGIN = 3
"""Frames behind the audio that are kept of a mel: two hear its end, and the third is silence."""


def config_as(checkpoint: Checkpoint, model_type: str, title: str, config: Any) -> Any:
    """Return a checkpoint's config; UserError for a damaged one or another family's."""

    def parse(raw: dict[str, Any]) -> Any:
        if raw.get("model_type") != model_type:
            raise ValueError(f"model_type is {raw.get('model_type')!r}")
        return config.from_dict(raw)

    return read_config(checkpoint, title, parse)


def depth_of(config: Any) -> Depth:
    """Return how many layers both parts have, and how wide they are."""
    audio, text = config.audio_config, config.text_config
    return Depth(audio.num_hidden_layers, text.num_hidden_layers, audio.hidden_size, text.hidden_size)


class WindowEncoder(ABC):
    """Audio in, audio tokens out; arguments as in the contract, but inner layers are refused."""

    family: ClassVar[type[Family]]
    build: ClassVar[Callable[[Any], Any]]
    """Class of the whole model without its head."""
    masks: ClassVar[bool] = True
    """Whether frames behind the audio are left out of the attention, and have no tokens."""

    @staticmethod
    @abstractmethod
    def read_config(checkpoint: Checkpoint) -> Any:
        """Return the family's config."""

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> None:
        if layers is not None or not project:
            raise UserError(
                f"{self.family.title}: of this family's encoder only the layer 'projector' is stored"
            )
        config = self.read_config(checkpoint)
        config._attn_implementation = config.audio_config._attn_implementation = "sdpa"
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.width: int = config.text_config.hidden_size
        self.depth: int = config.audio_config.num_hidden_layers
        self.config = config
        self.extractor = read_part(AutoFeatureExtractor, checkpoint.folder, "feature extractor")
        self.frames: int = self.extractor.nb_max_frames
        self.model = unfilled(lambda: without_text(type(self).build, config), checkpoint.folder)
        self.tower = self.model.audio_tower
        for module, beginnings, what in (
            (self.tower, self.family.parts.encoder, "audio tower"),
            (self.model.multi_modal_projector, self.family.parts.projector, "projector"),
        ):
            fill(module, read_tensors(checkpoint, beginnings, self.dtype), what, checkpoint.folder)
        self.model.eval().requires_grad_(False).to(self.device)

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

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [tokens, width] of each mel, as the language model reads them."""
        return [states["projector"] for states in self.states(mels, ["projector"])]

    @torch.inference_mode()
    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the tokens [tokens, width] of each mel, and scores of them; UserError for inner layers."""
        if inner := [name for name in wanted if name not in ("projector", *SCORES)]:
            raise UserError(
                f"layer '{inner[0]}': of {self.family.title}'s encoder only the layer 'projector' is stored"
            )
        return [self._clip(mel.to(self.device, self.dtype), wanted) for mel in mels]

    def _clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        windows, lengths = self.windows(mel)
        last: list[Tensor] = []
        hook = self.tower.layers[-1].register_forward_pre_hook(lambda _, args: last.append(args[0]))
        try:
            found = {"projector": self.features(windows, lengths)}
        finally:
            hook.remove()
        if not set(SCORES).isdisjoint(wanted):
            found |= self._scores(last[0], lengths)
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


class AttendingWindows(WindowEncoder):
    """One whose last layer is built like Whisper's, so that it can be asked what it attends to."""

    def heard(self, mels: Sequence[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return the states [tokens, width] of each mel, and what its last layer attends to."""
        return [(found.pop("projector"), found) for found in self.states(mels, ["projector", *SCORES])]


def without_text(build: Callable[[Any], Any], config: Any) -> Any:
    """Return a model without its language model, which is built as small as its class allows and dropped."""
    kept = config.text_config.num_hidden_layers
    config.text_config.num_hidden_layers = 0
    try:
        model = build(config)
    finally:
        config.text_config.num_hidden_layers = kept
    model.language_model = nn.Identity()
    return model
