"""Rounds of bipartite merging: even tokens are offered to odd ones, the best offers are taken."""

import torch
from torch import Tensor

from earmark.reduction.likeness import cosines, largest
from earmark.reduction.rows import Slots

CHUNK = 1024
"""Rows of the cosine matrix that are held at once."""


def merged(states: Tensor, budget: int, window: int | None) -> Slots:
    """Merge pairs until ``budget`` tokens are left.

    In each round the tokens left, in time order, are numbered anew; each even one offers itself to the
    most similar odd one, at most ``window`` places away where there is a window; the best offers are
    taken, at most half of the tokens a round. A token stands for the plain mean of all its members, at
    the place of the odd one.

    Args:
        states: [n, hidden].
        budget: tokens left in the end, at least 1.
        window: places, counted in each round's numbering; None for any distance.

    """
    count = len(states)
    place = torch.arange(count, device=states.device)
    owner = place.clone()  # index into what is left, of every token
    sizes = states.new_ones(count)
    while len(place) > budget:
        left = len(place)
        best, score = _offers(states[::2], states[1::2], window)
        taken = largest(score, min(left - budget, left // 2))
        giving, getting = 2 * taken, 2 * best[taken] + 1
        sums = states * sizes[:, None]
        sums = sums.index_add(0, getting, sums[giving])
        sizes = sizes.index_add(0, getting, sizes[giving])
        target = torch.arange(left, device=states.device).scatter(0, giving, getting)
        stays = torch.ones(left, dtype=torch.bool, device=states.device).scatter(0, giving, False)
        owner = (stays.cumsum(0) - 1)[target][owner]
        place, sizes = place[stays], sizes[stays]
        states = sums[stays] / sizes[:, None]
    return Slots(place, owner, (1 / sizes)[owner])


def _offers(even: Tensor, odd: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    """Return of each even token the most similar odd one, the earlier on a tie, and the cosine."""
    best, score = [], []
    numbers = torch.arange(len(odd), device=even.device)
    for start in range(0, len(even), CHUNK):
        part = even[start : start + CHUNK]
        rows = 2 * torch.arange(start, start + len(part), device=even.device)[:, None]
        first, last = 0, len(odd)
        if window is not None:  # only a band of the matrix counts
            first = max(0, (2 * start - window) // 2)
            last = min(len(odd), (2 * (start + len(part)) + window) // 2 + 1)
        likeness = cosines(part, odd[first:last])
        if window is not None:
            far = (2 * numbers[first:last] + 1 - rows).abs() > window
            likeness = likeness.masked_fill(far, -torch.inf)
        found = likeness.max(dim=1)
        best.append(found.indices + first)
        score.append(found.values)
    return torch.cat(best), torch.cat(score)
