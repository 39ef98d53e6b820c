"""Whisper's encoder with its mel front end: audio in, one state per 20 ms out.

The encoder attends to the padding that fills 30 s, so that is computed as in stock transformers, and the
states are the stock model's own; what is behind the audio is cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoFeatureExtractor, WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.config import read_config
from earmark.models.contract import TextDecoder
from earmark.models.families.whisper import Whisper
from earmark.models.lengths import positions
from earmark.models.loading import unfilled
from earmark.models.sizes import Depth
from earmark.models.untrusted import read_part
from earmark.reduction.encoder_scores import SCORES, scores_of

SAMPLE_RATE, HOP = Whisper.audio.sample_rate, Whisper.audio.mel_hop
MARGIN = 3
"""Frames behind the audio that are kept of a mel: two hear its end, and the third is silence."""


def config_of(checkpoint: Checkpoint) -> WhisperConfig:
    """Return the model's config; UserError if it is damaged or another family's."""

    def parse(raw: Json) -> WhisperConfig:
        if raw.get("model_type") != "whisper":
            raise ValueError(f"model_type is {raw.get('model_type')!r}")
        return WhisperConfig.from_dict(raw)

    config: WhisperConfig = read_config(checkpoint, "Whisper", parse)
    return config


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the encoder's depth and width."""
    config = config_of(checkpoint)
    return Depth(config.encoder_layers, 0, config.d_model)


class Encoder:
    """The encoder; ``layers`` are the first layers to read, None for all with the final norm."""

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> None:
        config = config_of(checkpoint)
        config._attn_implementation = "sdpa"
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.width: int = config.d_model
        self.depth: int = config.encoder_layers
        self.frames: int = 2 * config.max_source_positions
        self.extractor = _extractor(checkpoint, config)
        if layers is not None:
            config.encoder_layers = layers
        self.tower = unfilled(lambda: WhisperEncoder(config), checkpoint.folder)
        expected = self.tower.state_dict().keys()
        whole = layers in (None, self.depth)
        keep: Callable[[str], bool] | None = None if whole else lambda name: name in expected
        tensors = read_tensors(checkpoint, Whisper.parts.encoder, self.dtype, keep)
        fill(self.tower, tensors, "encoder", checkpoint.folder)
        self.tower.eval().requires_grad_(False).to(self.device)

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [bands, frames + 3] of audio [samples], at its natural length.

        Audio of more than 30 s comes in windows of 30 s, each a spectrogram of its own, one after the other.
        """
        window = self.frames * HOP
        return torch.cat(
            [self._window(samples[start : start + window]) for start in range(0, len(samples), window)], dim=1
        )

    def _window(self, samples: NDArray[np.float32]) -> Tensor:
        features = self.extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        mel: Tensor = features["input_features"][0, :, : -(-len(samples) // HOP) + MARGIN]
        return mel

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [positions, width] of each mel, as the encoder gives them."""
        return [states["encoder"] for states in self.states(mels, ["encoder"])]

    def heard(self, mels: Sequence[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return the states [tokens, width] of each mel, and what its last layer attends to."""
        return [(found.pop("encoder"), found) for found in self.states(mels, ["encoder", *SCORES])]

    @torch.inference_mode()
    def states(
        self, mels: Sequence[Tensor], wanted: Sequence[str], windows_per_batch: int = 4
    ) -> list[dict[str, Tensor]]:
        """Return the states [positions, width] of each mel, by layer, 50 a second.

        ``encoder.<i>`` is what layer i - 1 gave (0: what the first is given), ``encoder`` the normalised
        result.
        """
        windows = [(clip, part) for clip, mel in enumerate(mels) for part in mel.split(self.frames, dim=1)]
        found: list[list[dict[str, Tensor]]] = [[] for _ in mels]
        for first in range(0, len(windows), windows_per_batch):
            chosen = windows[first : first + windows_per_batch]
            batch = torch.stack([_padded(mel, self.frames) for _, mel in chosen])
            states = self._batch(batch.to(self.device, self.dtype), wanted)
            for row, (clip, mel) in enumerate(chosen):
                length = positions(mel.shape[1] - (MARGIN if mel.shape[1] < self.frames else 0))
                found[clip].append({name: states[name][row, :length] for name in wanted})
        return [{name: torch.cat([part[name] for part in clip]) for name in wanted} for clip in found]

    def _batch(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Encode [windows, bands, frames] to [windows, positions, width] by layer, as the stock forward."""
        tower = self.tower
        x = F.gelu(tower.conv2(F.gelu(tower.conv1(mel)))).permute(0, 2, 1) + tower.embed_positions.weight
        found = {"encoder.0": x} if "encoder.0" in wanted else {}
        for number, layer in enumerate(tower.layers, start=1):
            if number == len(tower.layers) and not set(SCORES).isdisjoint(wanted):
                # Padding attends and is attended to, here as in the layer itself.
                found |= scores_of(layer, x, Whisper.audio.positions_per_token, None)
            x = layer(x, None)
            if f"encoder.{number}" in wanted:
                found[f"encoder.{number}"] = x
        if "encoder" in wanted:
            found["encoder"] = tower.layer_norm(x)
        return found


def _padded(mel: Tensor, frames: int) -> Tensor:
    """Return a mel filled up to the window with its last frame, which is silence as the extractor has it."""
    missing = frames - mel.shape[1]
    return torch.cat([mel, mel[:, -1:].expand(-1, missing)], dim=1) if missing else mel


def _extractor(checkpoint: Checkpoint, config: WhisperConfig) -> Any:
    """Return the checkpoint's feature extractor, or the family's where the folder brings none."""
    if (checkpoint.folder / "preprocessor_config.json").is_file():
        return read_part(AutoFeatureExtractor, checkpoint.folder, "feature extractor")
    return WhisperFeatureExtractor(feature_size=config.num_mel_bins)


def Decoder(*_: Any, **__: Any) -> TextDecoder:
    """Refuse: Whisper's own decoder transcribes and answers no questions; UserError."""
    raise UserError("kind whisper is an encoder and answers nothing: name a composed model built on it")
