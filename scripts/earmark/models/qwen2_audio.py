"""Qwen2-Audio as two separate parts: the 30 s audio encoder with its projector, and the language model.

The stock encoder wants exactly 30 s of mel and a mask. Here the padding is never computed: a valid
position attends to valid positions alone, so leaving the others out gives the same states, and a 7 s
clip costs 7 s. Two frames of padding stay, which the convolutions see from the last position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    AutoFeatureExtractor,
    Qwen2AudioConfig,
    Qwen2AudioEncoder,
    Qwen2AudioProcessor,
    Qwen2Model,
)

from earmark.core.files import Json
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.config import depth_of, read_config
from earmark.models.families.qwen2_audio import Qwen2Audio
from earmark.models.language import LanguageModel
from earmark.models.lengths import audio_tokens, positions
from earmark.models.loading import unfilled
from earmark.models.sizes import Depth
from earmark.models.untrusted import read_part
from earmark.reduction.encoder_scores import SCORES, scores_of

SAMPLE_RATE, HOP = Qwen2Audio.audio.sample_rate, Qwen2Audio.audio.mel_hop
MARGIN = 2
FULLEST = 0.8
"""The share of a batch's longest part that its shortest must have."""


def config_of(checkpoint: Checkpoint) -> Qwen2AudioConfig:
    """Return the model's config; UserError if it is damaged or another family's."""

    def parse(raw: Json) -> Qwen2AudioConfig:
        if raw.get("model_type") != "qwen2_audio":
            raise ValueError(f"model_type is {raw.get('model_type')!r}")
        return Qwen2AudioConfig.from_dict(raw)

    return read_config(checkpoint, "Qwen2-Audio", parse)


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the model's depths and widths."""
    return depth_of(config_of(checkpoint))


class Encoder:
    """The audio tower and projector with their mel front end: audio in, one state per 40 ms out.

    ``layers`` are the first layers to read, None for all with the final norm; ``project`` adds the
    projection into the language model.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> None:
        config = config_of(checkpoint)
        audio = config.audio_config
        audio._attn_implementation = "sdpa"
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.width: int = config.text_config.hidden_size
        self.depth: int = audio.encoder_layers
        self.frames: int = 2 * audio.max_source_positions
        self.extractor = read_part(AutoFeatureExtractor, checkpoint.folder, "feature extractor")
        if layers is not None:
            audio.encoder_layers = layers
        self.tower = unfilled(lambda: Qwen2AudioEncoder(audio), checkpoint.folder)
        self.projector = (
            unfilled(lambda: nn.Linear(audio.d_model, self.width), checkpoint.folder) if project else None
        )
        expected = self.tower.state_dict().keys()
        keep = None if layers in (None, self.depth) else lambda name: name in expected
        tensors = read_tensors(checkpoint, Qwen2Audio.parts.encoder, self.dtype, keep)
        fill(self.tower, tensors, "audio tower", checkpoint.folder)
        self.tower.eval().requires_grad_(False).to(self.device)
        if self.projector is not None:
            tensors = read_tensors(checkpoint, Qwen2Audio.parts.projector, self.dtype)
            fill(self.projector, tensors, "projector", checkpoint.folder)
            self.projector.eval().requires_grad_(False).to(self.device)

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [128, frames + 2] of audio [samples], at its natural length.

        Silence follows the audio as in the stock extractor's 30 s and no further, so every frame is
        the same; what fills the margin of a full window is never read.
        """
        frames = -(-len(samples) // HOP)
        room = 4 * MARGIN if frames > self.frames else min(4 * MARGIN, self.frames - frames)
        features = self.extractor(
            samples,
            sampling_rate=SAMPLE_RATE,
            padding="max_length",
            max_length=(frames + room) * HOP,
            truncation=False,
            return_tensors="pt",
        )
        mel: Tensor = features["input_features"][0, :, : frames + MARGIN]
        return F.pad(mel, (0, frames + MARGIN - mel.shape[1]))

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [tokens, width] of each mel, as the language model reads them."""
        return [states["projector"] for states in self.states(mels, ["projector"])]

    def heard(self, mels: Sequence[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return the states [tokens, width] of each mel, and what its last layer attends to."""
        return [(found.pop("projector"), found) for found in self.states(mels, ["projector", *SCORES])]

    @torch.inference_mode()
    def states(
        self, mels: Sequence[Tensor], wanted: Sequence[str], windows_per_batch: int = 16
    ) -> list[dict[str, Tensor]]:
        """Return the states [tokens, width] of each mel [128, frames + 2], by layer.

        ``encoder.<i>`` is what layer i - 1 gave (0: what the first is given), 50 a second;
        ``encoder`` the pooled and normalised result, ``projector`` its projection, both 25 a second.
        A mel of more than 30 s is cut into parts of about equal length, each encoded by itself.
        """
        parts = [(clip, a, b) for clip, mel in enumerate(mels) for a, b in self._parts(mel.shape[1] - MARGIN)]
        pieces: list[list[dict[str, Tensor]]] = [[] for _ in mels]
        done: dict[tuple[int, int, int], dict[str, Tensor]] = {}
        by_length = sorted(parts, key=lambda part: part[1] - part[2])
        while by_length:
            # Of like length only: padding costs what the parts' own frames do.
            least = FULLEST * (by_length[0][2] - by_length[0][1])
            chosen = [p for p in by_length[:windows_per_batch] if p[2] - p[1] >= least]
            by_length = by_length[len(chosen) :]
            done.update(zip(chosen, self._batch(mels, chosen, wanted), strict=True))
        for part in parts:
            pieces[part[0]].append(done[part])
        return [{layer: torch.cat([piece[layer] for piece in clip]) for layer in wanted} for clip in pieces]

    def _parts(self, frames: int) -> list[tuple[int, int]]:
        """Return the stretches of a mel that are encoded by themselves: whole tokens, at most 30 s."""
        if frames <= self.frames:
            return [(0, frames)]
        tokens = audio_tokens(frames)
        count = -(-tokens // (self.frames // 4))
        edges = [4 * round(i * tokens / count) for i in range(count)]
        return list(zip(edges, [*edges[1:], frames], strict=True))

    def _batch(
        self, mels: Sequence[Tensor], parts: Sequence[tuple[int, int, int]], wanted: Sequence[str]
    ) -> list[dict[str, Tensor]]:
        """Encode parts together; shorter ones are padded to the longest and masked."""
        tower = self.tower
        lengths = [positions(end - start) for _, start, end in parts]
        embedded = []
        for (clip, start, end), length in zip(parts, lengths, strict=True):
            margin = min(end + MARGIN, mels[clip].shape[1], start + self.frames)
            mel = mels[clip][None, :, start:margin].to(self.device, self.dtype)
            x = F.gelu(tower.conv2(F.gelu(tower.conv1(mel)))).transpose(1, 2)[0, :length]
            embedded.append(x + tower.embed_positions.weight[: len(x)])
        x = nn.utils.rnn.pad_sequence(embedded, batch_first=True)
        mask = None
        if min(lengths) < max(lengths):
            valid = torch.arange(x.shape[1], device=self.device) < torch.tensor(
                lengths, device=self.device
            ).unsqueeze(1)
            mask = valid[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        found = {"encoder.0": x} if "encoder.0" in wanted else {}
        for number, layer in enumerate(tower.layers, start=1):
            if number == len(tower.layers) and not set(SCORES).isdisjoint(wanted):
                found |= scores_of(layer, x, Qwen2Audio.audio.positions_per_token, lengths)
            x = layer(x, mask)
            if f"encoder.{number}" in wanted:
                found[f"encoder.{number}"] = x
        if not {"encoder", "projector"}.isdisjoint(wanted):
            found["encoder"] = tower.layer_norm(tower.avg_pooler(x.transpose(1, 2)).transpose(1, 2))
        if "projector" in wanted:
            assert self.projector is not None, "this encoder was loaded without its projector"
            found["projector"] = self.projector(found["encoder"])
        return [
            {
                layer: values[row, : length if layer.startswith("encoder.") else length // 2]
                for layer, values in found.items()
            }
            for row, length in enumerate(lengths)
        ]


class Decoder(LanguageModel):
    """The language model, a Qwen2; see :class:`LanguageModel`."""

    build = Qwen2Model
    family = Qwen2Audio
    read_config = staticmethod(config_of)

    @staticmethod
    def own_template() -> str | None:
        """Return the template in transformers' processor: the published checkpoints come without one."""
        template: str = cast(Any, Qwen2AudioProcessor).default_chat_template.fget(None)
        return template
