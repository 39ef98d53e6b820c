"""Building blocks of methods that compare tokens: cosines, runs, diverse subsets.

All of one span: `states` is [n, width] in float32. Ties go to the earlier token.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.core.errors import UserError


def cosines(states: Tensor, others: Tensor | None = None) -> Tensor:
    """Return the cosine of every token with every other one, [n, m]."""
    unit = F.normalize(states, dim=-1)
    return unit @ (unit if others is None else F.normalize(others, dim=-1)).mT


def check_cosine(option: str, value: float | None) -> None:
    """Refuse a threshold that no cosine can have; UserError."""
    if value is not None and not -1 <= value <= 1:
        raise UserError(f"{option}={value}: a cosine is between -1 and 1, so set it there")


def neighbour_cosines(states: Tensor, distance: int = 1) -> Tensor:
    """Return the cosine of each token with the one ``distance`` later, [n - distance]."""
    unit = F.normalize(states, dim=-1)
    return (unit[:-distance] * unit[distance:]).sum(-1)


def largest(scores: Tensor, count: int) -> Tensor:
    """Return the offsets of the largest scores, best first."""
    return scores.argsort(descending=True, stable=True)[:count]


def runs(linked: Tensor) -> Tensor:
    """Return the number of each token's run, [n]; ``linked`` [n - 1] says which go with the next one."""
    return F.pad((~linked).long().cumsum(0), (1, 0))


def strongest_links(scores: Tensor, count: int) -> Tensor:
    """Return which of the links [n - 1] are the ``count`` strongest, as bool."""
    return torch.zeros_like(scores, dtype=torch.bool).scatter(0, largest(scores, count), True)


def volume_greedy(kernel: Tensor, count: int, rank: Tensor, first: int | None = None) -> Tensor:
    """Return the tokens that greedily make the determinant of the kernel largest, in that order.

    Each step takes the token whose row adds the largest volume (greedy MAP of a determinantal point
    process: Chen et al., NeurIPS 2018). Once the kernel's rank is used up, the rest goes by ``rank``.

    Args:
        kernel: [n, n], positive semidefinite.
        count: tokens to take.
        rank: [n] scores for those that no volume decides.
        first: token to begin with; None: that of the largest diagonal.

    """
    # On the host: the steps are many, small and in turn.
    rows = kernel.detach().double().cpu()
    gain = rows.diagonal().clone()
    floor = 1e-6 * float(gain.max())
    free = torch.ones(len(gain), dtype=torch.bool)
    directions = rows.new_zeros(count, len(gain))
    taken: list[int] = []
    while len(taken) < count:
        best = int(gain.argmax()) if taken or first is None else first
        if not gain[best] > floor:
            break
        step = len(taken)
        found = (rows[best] - directions[:step, best] @ directions[:step]) / gain[best].sqrt()
        directions[step] = found
        gain -= found * found
        free[best] = False
        gain[~free] = -torch.inf
        taken.append(best)
    rest = [each for each in largest(rank.cpu(), len(rank)).tolist() if free[each]]
    return torch.tensor([*taken, *rest][:count], device=kernel.device)


def farthest(distances: Tensor, count: int, first: int) -> Tensor:
    """Return tokens far from each other, in the order they are taken: each the farthest from all before.

    Args:
        distances: [n, n]; column j counts when j is the candidate.
        count: tokens to take.
        first: where to begin.

    """
    rows = distances.detach().cpu()
    taken = [first]
    nearest = rows[first].clone()
    free = torch.ones(len(nearest), dtype=torch.bool)
    free[first] = False
    while len(taken) < count:
        best = int(nearest.masked_fill(~free, -torch.inf).argmax())
        free[best] = False
        taken.append(best)
        nearest = torch.minimum(nearest, rows[best])
    return torch.tensor(taken, device=distances.device)


def loneliest(distances: Tensor) -> int:
    """Return the token whose nearest other one is farthest; distance to itself is the smallest there is."""
    if len(distances) == 1:
        return 0
    return int(distances.topk(2, dim=0, largest=False).values[1].argmax())
