"""Which tokens of a layer are merged into which: bipartite soft matching, written from its formulas.

Tokens at even places (A) look for the most similar one at an odd place (B), by the cosine of what
describes them; the r best matches are merged, so that every row of a batch loses as many tokens. Place 0
may be protected (AST's class token, never a source), and with it place 1 (its distillation token, never
a destination); they keep their places. The others come out in another order: what is left of A, then B.
Method: Bolya et al., "Token Merging: Your ViT But Faster" (ICLR 2023), section 3.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.merging.schedule import mergeable


@dataclass(frozen=True)
class Plan:
    """What becomes of the tokens of one layer; nothing here carries a gradient.

    Indices go through all rows of a batch behind one another, so that whole lines are copied at once: token
    t of row b is ``b * tokens + t``.
    """

    rows: int
    tokens: int
    """Tokens of a row that come in."""
    left: Tensor
    """[rows * tokens left] which token each place that is left comes from."""
    sources: Tensor
    """[rows * r] the tokens that vanish."""
    into: Tensor
    """[rows * r] the place, among those left, that each source is merged into."""
    first_into: int
    """In no row is a source merged into a place before this one."""

    def slots(self) -> Tensor:
        """Return the place in its row each token ends in, [rows, tokens]."""
        slots = self.left.new_empty(self.rows * self.tokens)
        slots[self.left] = torch.arange(len(self.left), device=slots.device)
        slots[self.sources] = self.into
        return slots.view(self.rows, -1) % (len(self.left) // self.rows)

    def merge(self, x: Tensor) -> Tensor:
        """Return the sums of what is merged, [rows, tokens left, width], of ``x`` [rows, tokens, width]."""
        lines = x.flatten(0, 1)
        return self._added(lines.index_select(0, self.left), lines.index_select(0, self.sources))

    def average(self, x: Tensor, sizes: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the means of what is merged, weighted by size, and the new sizes.

        Weights, not sums, are applied to ``x``: a token that nothing is merged into stays as it is, to the
        last bit.

        Args:
            x: [rows, tokens, width].
            sizes: [rows, tokens], how many patches are in each token; None: one in each.

        """
        lines = x.flatten(0, 1)
        if sizes is None:
            sizes = lines.new_ones(len(lines), dtype=torch.promote_types(x.dtype, torch.float32))
        else:
            sizes = sizes.flatten()
        kept, lost = sizes.index_select(0, self.left), sizes.index_select(0, self.sources)
        # Whole numbers: their sums are exact in any order, also on a GPU.
        merged = kept.index_add(0, self.into, lost)
        shares = (kept / merged).to(x.dtype), (lost / merged.index_select(0, self.into)).to(x.dtype)
        left = lines.index_select(0, self.left).mul_(shares[0][:, None])
        sources = lines.index_select(0, self.sources).mul_(shares[1][:, None])
        return self._added(left, sources), merged.view(self.rows, -1)

    def _added(self, left: Tensor, sources: Tensor) -> Tensor:
        """Add the sources to where they go, in place; the order of additions is always the same."""
        if left.device.type == "cpu":
            left.index_add_(0, self.into, sources)
            return left.unflatten(0, (self.rows, -1))
        # Adding by index has no order on a GPU.
        left = left.unflatten(0, (self.rows, -1))
        into = self.into.view(self.rows, -1) % left.shape[1]
        return add_by_matrix(left, sources.unflatten(0, (self.rows, -1)), into, self.first_into)


def match(metric: Tensor, r: int, *, protected: int) -> Plan | None:
    """Return what to merge so that ``r`` tokens of each row vanish, or as many as can; None if none.

    Args:
        metric: [rows, tokens, width], what similarity is judged by: AST's keys, mean over heads.
        r: tokens to merge.
        protected: 2 if places 0 and 1 stay what they are, 1 for place 0 alone, 0 for none.

    """
    rows, tokens, _ = metric.shape
    r = mergeable(r, tokens, protected)
    if r == 0:
        return None
    first_a, first_b = (2 if protected else 0), (3 if protected == 2 else 1)
    with torch.no_grad(), _whole(metric.device):
        # Half precision would make ties of what differs.
        unit = F.normalize(metric.to(torch.promote_types(metric.dtype, torch.float32)), dim=-1)
        best, partner = (unit[:, first_a::2] @ unit[:, first_b::2].transpose(1, 2)).max(dim=-1)
        order = best.argsort(dim=-1, descending=True, stable=True)
        matched, alone = order[:, :r], order[:, r:]
        if protected:
            alone = alone.sort(dim=-1).values
        every = torch.arange(rows * tokens, device=metric.device).view(rows, tokens)
        a = every[:, first_a::2]
        left = [every[:, :protected], a.gather(1, alone), every[:, first_b::2]]
        first_into = protected + alone.shape[1]
        starts = torch.arange(first_into, rows * (tokens - r), tokens - r, device=metric.device)
        return Plan(
            rows=rows,
            tokens=tokens,
            left=torch.cat(left, dim=1).flatten(),
            sources=a.gather(1, matched).flatten(),
            into=(starts[:, None] + partner.gather(1, matched)).flatten(),
            first_into=first_into,
        )


def add_by_matrix(places: Tensor, extra: Tensor, into: Tensor, first: int) -> Tensor:
    """Add ``extra`` [rows, r, width] to ``places`` [rows, n, width], in place, where ``into`` [rows, r] says.

    A product with zeros and ones, whose order of additions is fixed on every device. Nothing goes to a place
    before ``first``, which halves the product.
    """
    n = places.shape[1] - first
    ones = extra.new_zeros(len(places), n, into.shape[1]).scatter_(1, (into - first)[:, None], 1.0)
    with _whole(places.device):
        places[:, first:] += ones @ extra
    return places


def _whole(device: torch.device) -> torch.autocast | nullcontext[None]:
    """Return a context without autocast; entering one costs a small model, so only where it is on."""
    on = torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if on else nullcontext()
