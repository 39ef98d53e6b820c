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
        sums = _sums(states, into[order], slots + 1)[1:]
        changed[row, positions[reduced.place[row, :slots]]] = sums.to(hidden.dtype)
    return changed


def _sums(states: Tensor, into: Tensor, slots: int) -> Tensor:
    """Return the sum of each slot's states, added one after the other; ``into`` is ascending."""
    if states.device.type == "cpu":  # in order too, and many times as fast
        return states.new_zeros(slots, states.shape[1]).index_add_(0, into, states)
    lengths = into.bincount(minlength=slots)
    return torch.segment_reduce(states, "sum", lengths=lengths, axis=0, initial=0.0)


def merged_away(span: Span, reduced: Reduced, counts: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many tokens of each row live on in another one's slot."""
    if reduced.into is None:
        return (0,) * len(counts)
    members = ((reduced.into >= 0) & span.filled).sum(1).tolist()
    return tuple(found - slots for found, slots in zip(members, counts, strict=True))
