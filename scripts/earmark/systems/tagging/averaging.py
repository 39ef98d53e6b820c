"""The mean of the weights after several epochs, summed as the training goes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def add(total: Mapping[str, Tensor] | None, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the sum of weights so far, in float32 on the CPU; None stands for none."""
    now = {name: value.detach().to("cpu", torch.float32) for name, value in weights.items()}
    return (
        {name: value.clone() for name, value in now.items()}
        if total is None
        else {name: total[name] + value for name, value in now.items()}
    )


def mean(total: Mapping[str, Tensor], epochs: int) -> dict[str, Tensor]:
    """Return the mean of ``epochs`` weights from their sum."""
    return {name: value / epochs for name, value in total.items()}
