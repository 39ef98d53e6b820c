"""The blocks of the network: convolutions around which a text's embedding shifts every channel (FiLM).

FiLM here adds and does not scale: a linear layer turns the condition into one offset per channel, added after
batch normalisation and before the activation (Perez et al., AAAI 2018, has a factor as well).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Pool = tuple[int, int]
_SLOPE = 0.01
_MOMENTUM = 0.01


class Film(nn.Linear):
    """From a condition [batch, size] to an offset per channel, [batch, channels, 1, 1]."""

    def forward(self, condition: Tensor) -> Tensor:
        """Return the offsets."""
        return super().forward(condition)[:, :, None, None]


def norm(channels: int) -> nn.BatchNorm2d:
    """Return a batch normalisation with the network's momentum."""
    return nn.BatchNorm2d(channels, momentum=_MOMENTUM)


def activated(x: Tensor, layer: nn.BatchNorm2d, offset: Tensor) -> Tensor:
    """Return ``leaky_relu(layer(x) + offset)``, [batch, channels, frames, bins].

    Where the statistics stand still, the offsets [batch, channels, 1, 1] are part of the normalisation's
    bias, every sample's channels taken as channels of one: a pass over memory instead of three. These passes
    are a good tenth of a forward on a CPU.
    """
    if layer.training:
        return F.leaky_relu(layer(x) + offset, _SLOPE, inplace=True)
    assert layer.running_mean is not None and layer.running_var is not None
    batch, channels = x.shape[:2]
    found = F.batch_norm(
        x.reshape(1, batch * channels, *x.shape[2:]),
        layer.running_mean.repeat(batch),
        layer.running_var.repeat(batch),
        layer.weight.repeat(batch),
        (layer.bias + offset.flatten(1)).flatten(),
        eps=layer.eps,
    )
    return F.leaky_relu(found.view(x.shape), _SLOPE, inplace=True)


def spread(x: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """Return what a transposed convolution makes whose windows don't overlap: a product, laid out anew.

    On a CPU that is five times as fast as the convolution itself, which is a sixth of a forward.

    Args:
        x: [batch, inner, frames, bins].
        layer: of a kernel as large as its stride, without a bias.

    Returns:
        [batch, outer, frames * height, bins * width].

    """
    (batch, _, frames, bins), (_, outer, height, width) = x.shape, layer.weight.shape
    found = layer.weight.flatten(1).t() @ x.flatten(2)
    parts = found.view(batch, outer, height, width, frames, bins).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(batch, outer, frames * height, bins * width)


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the channels change."""

    def __init__(self, inner: int, outer: int, condition: int) -> None:
        super().__init__()
        self.norm1, self.film1 = norm(inner), Film(condition, inner)
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        self.norm2, self.film2 = norm(outer), Film(condition, outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return [batch, outer, frames, bins] of [batch, inner, frames, bins]."""
        h: Tensor = self.conv1(activated(x, self.norm1, self.film1(condition)))
        h = self.conv2(activated(h, self.norm2, self.film2(condition)))
        return h.add_(self.shortcut(x))


class Encoder(Residual):
    """A residual block whose output is also averaged over ``pool`` frames and bins for the next level."""

    def __init__(self, inner: int, outer: int, pool: Pool, condition: int) -> None:
        super().__init__(inner, outer, condition)
        self.pool = pool

    def down(self, x: Tensor) -> Tensor:
        """Return the output for the next level."""
        return F.avg_pool2d(x, self.pool)


class Decoder(nn.Module):
    """Upsampling by a transposed convolution, joined with the encoder's output of that level.

    ``unused_norm`` and ``unused_film`` are in every published checkpoint and in its number of weights;
    nothing reads them, there or here.
    """

    def __init__(self, inner: int, outer: int, pool: Pool, condition: int) -> None:
        super().__init__()
        self.norm, self.film = norm(inner), Film(condition, inner)
        self.up = nn.ConvTranspose2d(inner, outer, pool, stride=pool, bias=False)
        self.unused_norm, self.unused_film = norm(inner), Film(condition, inner)
        self.residual = Residual(2 * outer, outer, condition)

    def forward(self, x: Tensor, skip: Tensor, condition: Tensor) -> Tensor:
        """Return [batch, outer, ...] at the finer level of ``skip``."""
        x = spread(activated(x, self.norm, self.film(condition)), self.up)
        return self.residual(torch.cat([x, skip], dim=1), condition)
