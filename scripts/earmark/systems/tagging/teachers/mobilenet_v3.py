"""MobileNetV3 as the audio taggers of EfficientAT have it: one input channel, any width, names as published.

After Howard et al., "Searching for MobileNetV3" (ICCV 2019), the large variant, and Schmid et al.,
"Efficient large-scale audio tagging via Transformer-to-CNN knowledge distillation" (ICASSP 2023): what
differs from an image network is the single channel of the input and the squeeze-and-excitation, which has
linear layers and a plain sigmoid. Parameters are called what they are called in the published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

STRIDED = (2, 4, 7, 13)
"""The blocks with a stride, counted from one."""


class Block(NamedTuple):
    """An inverted residual block: kernel, channels inside and out, squeeze-and-excitation, activation."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    hard: bool


BLOCKS = (
    Block(3, 16, 16, False, False),
    Block(3, 64, 24, False, False),
    Block(3, 72, 24, False, False),
    Block(5, 72, 40, True, False),
    Block(5, 120, 40, True, False),
    Block(5, 120, 40, True, False),
    Block(3, 240, 80, False, True),
    Block(3, 200, 80, False, True),
    Block(3, 184, 80, False, True),
    Block(3, 184, 80, False, True),
    Block(3, 480, 112, True, True),
    Block(3, 672, 112, True, True),
    Block(5, 672, 160, True, True),
    Block(5, 960, 160, True, True),
    Block(5, 960, 160, True, True),
)


def eights(channels: float) -> int:
    """Return the multiple of 8 nearest to a number of channels, but none that is over 10 % below it."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


class MobileNetV3(nn.Module):
    """The network; takes [batch, 1, mels, frames], returns logits [batch, classes].

    Args:
        classes: number of outputs.
        width: multiple of the channels; 1 is the paper's.
        head: ``mlp``, pooled and then two linear layers, or ``fully_convolutional``, classes and then
            pooled.
        strides: of the four blocks that have one, over both axes.

    """

    def __init__(
        self, classes: int, width: float = 1.0, head: str = "mlp", strides: Sequence[int] = (2, 2, 2, 2)
    ) -> None:
        super().__init__()
        steps = dict(zip(STRIDED, strides, strict=True))
        channels = eights(16 * width)
        layers: list[nn.Module] = [_convolution(1, channels, 3, stride=2, activation=nn.Hardswish)]
        for number, block in enumerate(BLOCKS, start=1):
            layers.append(InvertedResidual(channels, block, width, steps.get(number, 1)))
            channels = eights(block.out * width)
        last = 6 * channels
        layers.append(_convolution(channels, last, 1, activation=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        if head == "mlp":
            wide = eights(1280 * width)
            self.classifier = nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(1),
                nn.Linear(last, wide),
                nn.Hardswish(),
                nn.Dropout(0.2),
                nn.Linear(wide, classes),
            )
        else:
            self.classifier = nn.Sequential(
                nn.Conv2d(last, classes, 1, bias=False),
                nn.BatchNorm2d(classes),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(1),
            )
        self.apply(_initialise)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.classifier(self.features(mel))
        return logits


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, squeeze and excite, project; added to the input if it fits."""

    def __init__(self, channels: int, block: Block, width: float, stride: int) -> None:
        super().__init__()
        activation = nn.Hardswish if block.hard else nn.ReLU
        expanded, out = eights(block.expanded * width), eights(block.out * width)
        layers: list[nn.Module] = []
        if expanded != channels:
            layers.append(_convolution(channels, expanded, 1, activation=activation))
        layers.append(
            _convolution(
                expanded, expanded, block.kernel, stride=stride, groups=expanded, activation=activation
            )
        )
        if block.squeeze:
            layers.append(Excitations(expanded))
        layers.append(_convolution(expanded, out, 1))
        self.block = nn.Sequential(*layers)
        self._residual = stride == 1 and channels == out

    def forward(self, states: Tensor) -> Tensor:
        """Return [batch, out, mels / stride, frames / stride]."""
        made: Tensor = self.block(states)
        return states + made if self._residual else made


class Excitations(nn.Module):
    """Squeeze-and-excitation over channels; published weights keep it in a list of one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([Excitation(channels)])

    def forward(self, states: Tensor) -> Tensor:
        """Return the states, their channels scaled."""
        scaled: Tensor = self.conc_se_layers[0](states)
        return scaled


class Excitation(nn.Module):
    """A factor in (0, 1) for every channel, from the means of all of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = eights(channels // 4)
        self.fc1 = nn.Linear(channels, inner)
        self.fc2 = nn.Linear(inner, channels)

    def forward(self, states: Tensor) -> Tensor:
        """Return the states, their channels scaled."""
        factors = torch.sigmoid(self.fc2(torch.relu(self.fc1(states.mean(dim=(2, 3))))))
        return states * factors[:, :, None, None]


def _convolution(
    channels: int,
    out: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    """Return a convolution that keeps the size but for its stride, its normalisation and activation."""
    layers = [
        nn.Conv2d(channels, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def _initialise(module: nn.Module) -> None:
    """Set a module's first weights, those that torch would not set like this by itself."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)


def parameters(model: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(weight.numel() for weight in model.parameters())
