"""Networks merged of a base and several adapted ones, by weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


def merged(base: Weights, adapted: Sequence[Weights], shares: Sequence[float]) -> dict[str, Tensor]:
    """Return ``base + sum(share * (adapted - base))`` of all weights.

    The statistics of batch normalisation are those of the mixture of domains: means by their shares,
    variances by the law of total variance. With equal statistics nothing changes.
    """
    made: dict[str, Tensor] = {}
    left = 1.0 - sum(shares)
    sides = [(left, base), *zip(shares, adapted, strict=True)]
    for name, value in base.items():
        if not value.is_floating_point():
            made[name] = value
        elif name.endswith("running_var"):
            mean_name = f"{name.removesuffix('running_var')}running_mean"
            mean = _sum([(share, each[mean_name]) for share, each in sides])
            spreads = [(share, each[name] + (each[mean_name] - mean).square()) for share, each in sides]
            made[name] = _sum(spreads)
        else:
            made[name] = _sum([(share, each[name]) for share, each in sides])
    return made


def _sum(parts: Sequence[tuple[float, Tensor]]) -> Tensor:
    total = torch.zeros_like(parts[0][1])
    for share, value in parts:
        total += share * value
    return total
