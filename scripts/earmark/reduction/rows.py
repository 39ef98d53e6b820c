"""Methods that work on one prompt at a time: nothing of a batch, its padding or its ends to think of."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.reduction.contract import Known, Reduced, Reducer
from earmark.reduction.probe import Probe


@dataclass(frozen=True)
class Row:
    """What is known of one prompt, cut to its span."""

    states: Tensor
    """[n, hidden] of the span's tokens, float32 at least, whatever the model's dtype."""
    budget: int
    """Slots to fill, at least 1 and at most n."""
    known: Known
    """All of the batch."""
    number: int
    """Of the row in it."""

    @property
    def length(self) -> int:
        """Tokens of the span."""
        return len(self.states)

    @property
    def positions(self) -> Tensor:
        """[n] places of the span's tokens in the padded prompt."""
        return self.known.span.positions[self.number, : self.length]

    @property
    def probe(self) -> Probe:
        """Attention of this row alone."""
        assert self.known.probe is not None
        return self.known.probe.of(self.number)

    @property
    def encoder(self) -> Mapping[str, Tensor]:
        """The encoder's scores of the span's tokens, by name: [n] or [n, dim]."""
        return {name: values[self.number, : self.length] for name, values in self.known.encoder.items()}

    @property
    def question(self) -> Tensor:
        """[q, hidden] states of the tokens that ask something, float32; there may be none."""
        asked = self.known.question
        assert asked is not None
        return self.known.hidden[self.number, asked[self.number]].to(self.states.dtype)


@dataclass(frozen=True)
class Slots:
    """Where the tokens of one span go; as :class:`earmark.reduction.contract.Reduced`, without padding."""

    place: Tensor
    """[k] offsets, ascending."""
    into: Tensor
    """[n] slot of each token, -1 where it is dropped."""
    weight: Tensor | None = None
    """[n] weight of each token in its slot; None: 1."""

    @classmethod
    def means(cls, groups: Tensor, weight: Tensor | None = None) -> "Slots":
        """Make each group one slot: the mean of its members, weighted or plain, where the first one stood.

        Args:
            groups: [n] number of each token's group, any numbers; -1 where it is dropped.
            weight: [n] positive weights; None for equal ones.

        """
        count, device = len(groups), groups.device
        numbers, compact = groups.unique(return_inverse=True)
        offsets = torch.arange(count, device=device)
        first = torch.full((len(numbers),), count, device=device).scatter_reduce(0, compact, offsets, "amin")
        dropped = numbers < 0
        order = first.masked_fill(dropped, count).argsort(stable=True)
        slot = torch.empty_like(order).scatter(0, order, torch.arange(len(order), device=device))
        into = slot[compact].masked_fill(groups < 0, -1)
        place = first[order][: len(numbers) - int(dropped.sum())]
        return cls(
            place, into, shares(compact, torch.ones(count, device=device) if weight is None else weight)
        )


def shares(groups: Tensor, weight: Tensor) -> Tensor:
    """Return each token's share of its group's weight; equal shares where a group weighs nothing.

    Args:
        groups: [n] number of each token's group, from 0.
        weight: [n], not negative.

    """
    weight = weight.float()
    total = torch.zeros(int(groups.max()) + 1, device=weight.device).index_add(0, groups, weight)
    size = groups.bincount().to(weight.dtype)
    return torch.where(total[groups] > 0, weight / total[groups].clamp(min=1e-38), 1 / size[groups])


@dataclass(frozen=True)
class ByRow(Reducer):
    """A method that says of one row at a time which tokens stay, or which slots they go to.

    Public code of these methods reduces the audio alone: also with `reference` the tokens around it stay.
    """

    reference_span: ClassVar[Literal["boundaries", "audio"]] = "audio"

    @abstractmethod
    def row(self, row: Row) -> Tensor | Slots:
        """Return the offsets that stay, in any order, or the slots of all tokens."""

    def select(self, known: Known) -> Tensor:
        """Return the places of the slots."""
        return self.reduce(known).place

    def reduce(self, known: Known) -> Reduced:
        """Ask for each row and pad what comes back."""
        found = [self._whole(known, number) for number in range(len(known.budget))]
        widths = max(len(slots.place) for slots in found), known.span.positions.shape[1]
        place = torch.stack([_padded(slots.place, widths[0], -1) for slots in found])
        if all(len(slots.place) == int((slots.into >= 0).sum()) and slots.weight is None for slots in found):
            return Reduced(place)
        into = torch.stack([_padded(slots.into, widths[1], -1) for slots in found])
        ones = [torch.ones(len(s.into), device=place.device) if s.weight is None else s.weight for s in found]
        return Reduced(place, into, torch.stack([_padded(each.float(), widths[1], 0) for each in ones]))

    def _whole(self, known: Known, number: int) -> Slots:
        """Return the slots of one row; where all tokens stay or none does, there is nothing to ask."""
        length, budget = known.span.lengths[number], known.budget[number]
        every = torch.arange(length, device=known.hidden.device)
        if budget == length or not budget:
            return Slots(every[:budget], every if budget else every.new_full((length,), -1))
        states = known.hidden[number, known.span.positions[number, :length]]
        wide = states.to(torch.promote_types(states.dtype, torch.float32))
        answer = self.row(Row(wide, budget, known, number))
        if isinstance(answer, Slots):
            return answer
        place = answer.sort().values
        into = torch.full_like(every, -1).scatter(0, place, torch.arange(len(place), device=place.device))
        return Slots(place, into)


def _padded(values: Tensor, width: int, fill: float) -> Tensor:
    return torch.nn.functional.pad(values, (0, width - len(values)), value=fill)


def port_tokens(length: int, drop: float, least: int = 2) -> int:
    """Return what the ports to Qwen2-Audio in AngelSlim's branch SA-MAP keep: rounded half to even."""
    return min(length, max(least, round(length * round(1 - drop, 12))))
