"""A mixture's experts: stored one by one, computed with in stacks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

EXPERT = re.compile(r"(?P<experts>.*mlp\.experts)\.(?P<number>\d+)\.(?P<part>gate|up|down)_proj\.weight")


def stack_of(name: str) -> str:
    """Return the name under which a stored tensor is computed with: its stack's, if it is an expert's."""
    match = EXPERT.fullmatch(name)
    if match is None:
        return name
    return f"{match['experts']}.{'down_proj' if match['part'] == 'down' else 'gate_up_proj'}"


def stacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names they are computed with, experts' matrices stacked: [experts, out, in].

    Gate and up lie one above the other. A stack that lacks some of its matrices is left out.
    """
    found: dict[str, Tensor] = {}
    stacks: dict[str, dict[tuple[int, str], Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        match = EXPERT.fullmatch(name)
        if match is None:
            found[name] = tensor
        else:
            stacks[stack_of(name)][int(match["number"]), match["part"]] = tensor
    for name, own in stacks.items():
        parts = ("down",) if name.endswith("down_proj") else ("gate", "up")
        count = len(own) // len(parts)
        if set(own) == {(number, part) for number in range(count) for part in parts}:
            rows = [torch.cat([own[number, part] for part in parts]) for number in range(count)]
            found[name] = torch.stack(rows)
    return found
