"""A low-rank adapter's maps as one operation each: what peft computes, with fewer passes over memory.

peft scales and adds the adapter's share of a map's result in passes of their own, forwards and backwards; a
matrix product can add to what is there. In float32 on a CPU that is a tenth of a training step.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor

NAME = "default"
"""What peft calls a model's only adapter."""


def fuse(adapted: Any) -> int:
    """Let the maps of a peft model run as one operation each; returns how many do.

    Maps with a bias stay peft's. Weights, their names and what is saved are the same.
    """
    found = [m for m in adapted.modules() if isinstance(m, Linear) and m.base_layer.bias is None]
    for module in found:
        module.forward = partial(_forward, module)
    return len(found)


def _forward(module: Any, x: Tensor) -> Tensor:
    dropout = module.lora_dropout[NAME]
    drops = module.training and getattr(dropout, "p", 0.0) > 0
    down, up = module.lora_A[NAME].weight, module.lora_B[NAME].weight
    heard = dropout(x) if drops else None
    made: Tensor = _Adapted.apply(x, heard, module.base_layer.weight, down, up, module.scaling[NAME])
    return made


class _Adapted(torch.autograd.Function):
    """``x W^T + scale h A^T B^T``, where h is x after dropout, or x; W is frozen."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, heard: Tensor | None, weight: Tensor, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        rows = x.flatten(0, -2)
        given = rows if heard is None else heard.flatten(0, -2)
        inner = given @ down.T
        made = (rows @ weight.T).addmm_(inner, up.T, alpha=scale)
        context.save_for_backward(given, inner, weight, down, up)
        context.scale, context.dropped = scale, heard is not None
        return made.unflatten(0, x.shape[:-1])

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        given, inner, weight, down, up = context.saved_tensors
        grad = grads[0].flatten(0, -2)
        through = (grad @ up).mul_(context.scale)
        of_down, of_up = through.T @ given, (grad.T @ inner).mul_(context.scale)
        of_x = grad @ weight
        shape = grads[0].shape[:-1]
        if context.dropped:
            of_heard = (through @ down).unflatten(0, shape)
            return of_x.unflatten(0, shape), of_heard, None, of_down, of_up, None
        return of_x.addmm_(through, down).unflatten(0, shape), None, None, of_down, of_up, None
