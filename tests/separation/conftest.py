"""A published-size network with random weights, and a small one that computes in milliseconds."""

from __future__ import annotations

import pytest
import torch

from earmark.systems.separation.network.resunet import ResUNet, Sizes

SMALL = Sizes((2, 4, 4), ((2, 4), (2, 4), (1, 4)), condition=8)


@pytest.fixture(scope="session")
def published() -> ResUNet:
    return drawn(Sizes())


@pytest.fixture
def small() -> ResUNet:
    return drawn(SMALL)


def drawn(sizes: Sizes) -> ResUNet:
    """The same network every time; every weight and every statistic has a value of its own."""
    torch.manual_seed(5)
    model = ResUNet(sizes)
    draw = torch.Generator().manual_seed(5)
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
        elif value.is_floating_point() and value.dim() == 1:
            value.add_(0.1 * torch.randn(value.shape, generator=draw))
    with torch.no_grad():
        model.head.weight.normal_(generator=draw)
    return model.eval()
