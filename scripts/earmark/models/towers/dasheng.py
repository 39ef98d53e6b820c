"""Dasheng (arXiv 2406.06992): a transformer over patches of 40 ms by all 64 mel bands, 25 frames a second.

Written from its published architecture; tensors have the names of its checkpoints. Audio of more than 10.08 s
is encoded window by window, as there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from earmark.core.errors import UserError
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.towers import RATE
from earmark.models.towers.asked import Tower
from earmark.models.towers.frames import clips_of, padded
from earmark.models.untrusted import read_json

BANDS, SIZE, HOP, PATCH = 64, 512, 160, 4
TOP_DB, FLOOR = 120.0, 1e-10


@dataclass(frozen=True)
class Sizes:
    """Of the transformer; the base model's."""

    embed_dim: int = 768
    depth: int = 12
    num_heads: int = 12
    target_length: int = 1008
    """Frames of 10 ms in a window."""


class Attention(nn.Module):
    """Self-attention without a mask."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return what [clips, frames, width] attend to."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v)
        return torch.as_tensor(self.proj(attended.transpose(1, 2).flatten(2)))


class Mlp(nn.Module):
    """Two linear maps, four times as wide between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return its result."""
        return torch.as_tensor(self.fc2(F.gelu(self.fc1(x))))


class Block(nn.Module):
    """A layer, normalised first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=1e-6), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width, eps=1e-6), Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """Return its result."""
        x = x + self.attn(self.norm1(x))
        return torch.as_tensor(x + self.mlp(self.norm2(x)))


class Dasheng(nn.Module):
    """The encoder with its log-mel front end."""

    filters: Tensor
    hann: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = self.output_dim = sizes.embed_dim
        self._window = sizes.target_length // PATCH
        filters = mel_filter_bank(SIZE // 2 + 1, BANDS, 0.0, RATE / 2, RATE, norm=None, mel_scale="htk")
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("hann", torch.hann_window(SIZE), persistent=False)
        self.init_bn = nn.Sequential(nn.Identity(), nn.BatchNorm2d(BANDS, momentum=0.01))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, width, (BANDS, PATCH), (BANDS, PATCH))})
        self.time_pos_embed = nn.Parameter(torch.randn(1, width, 1, self._window) * 0.02)
        self.freq_pos_embed = nn.Parameter(torch.randn(1, width, 1, 1) * 0.02)
        self.blocks = nn.ModuleList(Block(width, sizes.num_heads) for _ in range(sizes.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, audio: Tensor, audio_attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features and their mask; every clip is encoded by itself, levelled by its own peak."""
        return padded([self._clip(clip) for clip in clips_of(audio, audio_attention_mask)])

    def _clip(self, clip: Tensor) -> Tensor:
        shortest = max(HOP * PATCH, SIZE // 2 + 1)
        clip = F.pad(clip.float(), (0, max(0, shortest - len(clip))))
        power = torch.stft(clip, SIZE, HOP, window=self.hann, return_complex=True).abs().square()
        level = 10 * (self.filters.T @ power).clamp(min=FLOOR).log10()
        level = level.maximum(level.max() - TOP_DB)
        level = self.init_bn(level[None, :, None, :])[0, :, 0]
        patches = self.patch_embed["proj"](level[None, None].to(self.norm.weight.dtype))
        windows = patches.split(self._window, dim=-1)
        return torch.cat([self._encoded(window) for window in windows])

    def _encoded(self, x: Tensor) -> Tensor:
        x = x + self.time_pos_embed[..., : x.shape[-1]] + self.freq_pos_embed
        x = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return torch.as_tensor(self.norm(x)[0])


def build(tower: Tower, checkpoint: Checkpoint | None, device: str) -> Dasheng:
    """Return the tower; raises UserError if its weights are missing or of another kind."""
    if checkpoint is None:
        if tower.random is None:
            raise UserError("an encoder of kind dasheng needs weights: hub, path or wheel")
        torch.manual_seed(0)
        return Dasheng(Sizes(**tower.random))
    config = read_json(checkpoint.folder / "config.json")
    known = {name: config[name] for name in Sizes.__dataclass_fields__ if name in config}
    model = Dasheng(Sizes(**known))
    wanted = model.state_dict().keys()
    tensors = read_tensors(checkpoint, ("encoder.", ""), DTYPES[tower.dtype], lambda name: name in wanted)
    fill(model, tensors, "encoder", checkpoint.folder)
    return model
