"""Sum the members of each slot: what merging does to the states of a prompt."""

import torch
from torch import Tensor

from earmark.reduction.contract import Reduced, Span


def with_slots(hidden: Tensor, span: Span, reduced: Reduced, counts: tuple[int, ...]) -> Tensor:
    """Return states in which every slot's sum stands at the slot's place.

    Sums are in float32 at least, and in the order of the tokens, so that they are the same on every run
    of a device.

    Args:
        hidden: [rows, prompt, hidden] states of the whole prompt.
        span: whose tokens go into slots.
        reduced: which goes where.
        counts: slots of each row.

    Returns:
        [rows, prompt, hidden]: ``hidden`` itself where nothing is merged, else a copy.

    """
    if reduced.into is None:
        return hidden
    changed = hidden.clone()
    for row, (length, slots) in enumerate(zip(span.lengths, counts, strict=True)):
        if not slots:
            continue
        positions = span.positions[row, :length]
        into = reduced.into[row, :length] + 1  # 0 collects what is dropped
        order = into.argsort(stable=True)
        states = hidden[row, positions[order]]
        states = states.to(torch.promote_types(states.dtype, torch.float32))
        if reduced.weight is not None:
            states = states * reduced.weight[row, order, None].to(states.dtype)
        sizes = into.bincount(minlength=slots + 1)
        sums = torch.segment_reduce(states, "sum", lengths=sizes, axis=0, initial=0.0)[1:]
        changed[row, positions[reduced.place[row, :slots]]] = sums.to(hidden.dtype)
    return changed


def merged_away(span: Span, reduced: Reduced, counts: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many tokens of each row live on in another one's slot."""
    if reduced.into is None:
        return (0,) * len(counts)
    members = ((reduced.into >= 0) & span.filled).sum(1).tolist()
    return tuple(found - slots for found, slots in zip(members, counts, strict=True))
