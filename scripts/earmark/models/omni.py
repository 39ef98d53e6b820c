"""Qwen2.5-Omni's thinker as two separate parts: the audio encoder and the language model.

The demo checkpoint and the real ones pass through the same lines. The processor of
transformers isn't used: it needs torchvision even for audio alone, and pads all audio to 300 s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoFeatureExtractor, Qwen2_5OmniThinkerConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniAudioEncoder,
    Qwen2_5OmniThinkerTextModel,
)

from earmark.core.files import Json
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.config import depth_of, read_config
from earmark.models.families.omni import Omni
from earmark.models.language import LanguageModel
from earmark.models.loading import unfilled
from earmark.models.mel import natural_mel
from earmark.models.sizes import Depth
from earmark.models.untrusted import read_part
from earmark.reduction.encoder_scores import SCORES, attention_scores

SAMPLE_RATE = Omni.audio.sample_rate


def config_of(checkpoint: Checkpoint) -> Qwen2_5OmniThinkerConfig:
    """Return the thinker's config, also from a full Omni repository; UserError if it is another's."""

    def parse(raw: Json) -> Qwen2_5OmniThinkerConfig:
        # Not by the whole model's class, which warns of its talker's token ids seven times.
        if raw.get("model_type") == "qwen2_5_omni":
            raw = raw["thinker_config"]
        return Qwen2_5OmniThinkerConfig.from_dict(raw)

    return read_config(checkpoint, "Qwen2.5-Omni", parse)


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the model's depths and widths."""
    return depth_of(config_of(checkpoint))


class Encoder:
    """The audio tower with its mel front end: audio in, one state per 40 ms out.

    ``layers`` are the first layers to read, None for all with the final norm; ``project`` adds the
    projection into the language model.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> None:
        config = config_of(checkpoint).audio_config
        config._attn_implementation = "sdpa"  # what `_windows` calls, whatever the language model uses
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.width: int = config.output_dim
        self.depth: int = config.encoder_layers
        self.extractor = read_part(AutoFeatureExtractor, checkpoint.folder, "feature extractor")
        whole = project and layers in (None, self.depth)
        if layers is not None:
            config.encoder_layers = layers
        self.tower = unfilled(lambda: Qwen2_5OmniAudioEncoder(config), checkpoint.folder)
        if not project:
            self.tower.proj = nn.Identity()
        expected = self.tower.state_dict().keys()
        keep = None if whole else lambda name: name in expected
        fill(
            self.tower,
            read_tensors(checkpoint, Omni.parts.encoder, self.dtype, keep),
            "audio tower",
            checkpoint.folder,
        )
        self.tower.eval().requires_grad_(False).to(self.device)

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [128, frames] of audio [samples], at its natural length."""
        return natural_mel(self.extractor, samples)

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [tokens, width] of each mel [128, frames], as the language model reads them."""
        return [states["projector"] for states in self.states(mels, ["projector"])]

    def heard(self, mels: Sequence[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return the states [tokens, width] of each mel, and what its last layer attends to."""
        return [(found.pop("projector"), found) for found in self.states(mels, ["projector", *SCORES])]

    @torch.inference_mode()
    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the states [tokens, width] of each mel [128, frames], by layer.

        ``encoder.<i>`` is what layer i - 1 gave (0: what the first is given), 50 a second;
        ``encoder`` the pooled and normalised result, ``projector`` its projection, both 25 a second.
        """
        return batched_states(self.tower, [mel.to(self.device, self.dtype) for mel in mels], wanted)


def batched_states(
    tower: Qwen2_5OmniAudioEncoder, mels: Sequence[Tensor], wanted: Sequence[str], windows_per_batch: int = 32
) -> list[dict[str, Tensor]]:
    """Return the states [tokens, width] of each mel [128, frames], by layer; see :meth:`Encoder.states`.

    The tower attends within windows of two seconds only, so windows of all clips are batched by
    their length: no padding, no mask, no loop over windows as in the stock forward.
    """
    window = 2 * int(tower.config.n_window)
    by_length: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for clip, mel in enumerate(mels):
        for start in range(0, mel.shape[1], window):
            by_length[min(window, mel.shape[1] - start)].append((clip, start))
    pieces: dict[tuple[int, int], dict[str, Tensor]] = {}
    for length, places in by_length.items():
        for first in range(0, len(places), windows_per_batch):
            chosen = places[first : first + windows_per_batch]
            batch = torch.stack([mels[clip][:, start : start + length] for clip, start in chosen])
            states = _windows(tower, batch, wanted)
            for number, place in enumerate(chosen):
                pieces[place] = {layer: values[number] for layer, values in states.items()}
    return [
        {
            layer: torch.cat([pieces[clip, start][layer] for start in range(0, mel.shape[1], window)])
            for layer in wanted
        }
        for clip, mel in enumerate(mels)
    ]


def _windows(tower: Qwen2_5OmniAudioEncoder, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
    """Encode windows of one length: [windows, 128, frames] to [windows, tokens, width] by layer."""
    x = F.gelu(tower.conv2(F.gelu(tower.conv1(mel)))).transpose(1, 2).contiguous()
    x = x + tower.positional_embedding.positional_embedding[: x.shape[1]].to(x.dtype)
    found = {"encoder.0": x} if "encoder.0" in wanted else {}
    for number, layer in enumerate(tower.layers, start=1):
        normed = layer.self_attn_layer_norm(x)
        attention = layer.self_attn
        q, k, v = (
            project(normed).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        if number == len(tower.layers) and not set(SCORES).isdisjoint(wanted):
            found |= attention_scores(q, k, attention.scaling, Omni.audio.positions_per_token)
        mixed = F.scaled_dot_product_attention(q, k, v, scale=attention.scaling)
        x = x + attention.out_proj(mixed.transpose(1, 2).flatten(2))
        x = x + layer.fc2(layer.activation_fn(layer.fc1(layer.final_layer_norm(x))))
        if f"encoder.{number}" in wanted:
            found[f"encoder.{number}"] = x
    if not {"encoder", "projector"}.isdisjoint(wanted):
        even = x[:, : x.shape[1] // 2 * 2]
        found["encoder"] = tower.ln_post((even[:, 0::2] + even[:, 1::2]) / 2)
    if "projector" in wanted:
        found["projector"] = tower.proj(found["encoder"])
    return found


class Decoder(LanguageModel):
    """The thinker's language model; see :class:`LanguageModel`."""

    build = Qwen2_5OmniThinkerTextModel
    family = Omni
    read_config = staticmethod(config_of)
