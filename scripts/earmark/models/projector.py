"""From encoder states to audio tokens: what a composed model learns.

States are normalised by what training saw, ``pool`` of them averaged, ``stack`` of these laid side by side,
and a linear map or an MLP takes them to the language model's width. What is left over at the end and fills
no token is dropped; audio shorter than a token is padded with its last state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.config.projector import Projector as Shape

KINDS = ("linear", "mlp")
SMALLEST_DEVIATION = 1e-3


class Projector(nn.Module):
    """Makes tokens [n, out_width] of states [positions, in_width], clip by clip."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: Shape, in_width: int, out_width: int) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(in_width))
        self.register_buffer("deviation", torch.ones(in_width))
        wide = in_width * shape.stack
        self.layers = (
            nn.Sequential(nn.Linear(wide, out_width))
            if shape.kind == "linear"
            else nn.Sequential(nn.Linear(wide, shape.hidden), nn.GELU(), nn.Linear(shape.hidden, out_width))
        )

    @property
    def in_width(self) -> int:
        """Width of the states it takes."""
        return len(self.mean)

    def fit(self, states: Sequence[Tensor]) -> None:
        """Take mean and deviation of each channel from the training clips' states."""
        total = torch.cat([clip.double() for clip in states])
        self.mean.copy_(total.mean(0))
        self.deviation.copy_(total.std(0).clamp(min=SMALLEST_DEVIATION))

    def forward(self, states: Tensor) -> Tensor:
        """Return the tokens of one clip; in the projector's own precision."""
        return torch.as_tensor(self.layers(self.stacked(states)))

    def stacked(self, states: Tensor) -> Tensor:
        """Return what the layers are given, [tokens, stack * in_width]."""
        together = self.shape.per_token
        states = (states.to(self.mean.dtype) - self.mean) / self.deviation
        if len(states) < together:
            states = torch.cat([states, states[-1:].expand(together - len(states), -1)])
        whole = states[: len(states) // together * together]
        pooled = whole.unflatten(0, (-1, self.shape.pool)).mean(1)
        return pooled.reshape(-1, self.shape.stack * self.in_width)
