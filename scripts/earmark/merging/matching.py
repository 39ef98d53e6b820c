"""Which tokens of a layer are merged into which: bipartite soft matching, written from its formulas.

Tokens at even places (A) look for the most similar one at an odd place (B), by the cosine of what
describes them; the r best matches are merged, so that every row of a batch loses as many tokens. Place 0
may be protected (AST's class token, never a source), and with it place 1 (its distillation token, never
a destination); they keep their places. The others come out in another order: what is left of A, then B.
Method: Bolya et al., "Token Merging: Your ViT But Faster" (ICLR 2023), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.merging.schedule import mergeable


@dataclass(frozen=True)
class Plan:
    """What becomes of the tokens of one layer, by place; nothing here carries a gradient."""

    tokens: int
    """Tokens that come in."""
    left: Tensor
    """[rows, tokens left] which token each place that is left comes from."""
    sources: Tensor
    """[rows, r] the tokens that vanish."""
    into: Tensor
    """[rows, r] the place, among those left, that each source is merged into."""
    first_into: int
    """No source is merged into a place before this one."""

    def slots(self) -> Tensor:
        """Return the place each token ends in, [rows, tokens]."""
        slots = self.left.new_empty(len(self.left), self.tokens)
        places = torch.arange(self.left.shape[1], device=slots.device).expand_as(self.left)
        return slots.scatter_(1, self.left, places).scatter_(1, self.sources, self.into)

    def merge(self, x: Tensor) -> Tensor:
        """Return the sums of what is merged, [rows, tokens left, width], of ``x`` [rows, tokens, width]."""
        return self._added(_rows(x, self.left), _rows(x, self.sources))

    def average(self, x: Tensor, sizes: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the means of what is merged, weighted by size, and the new sizes.

        Weights, not sums, are applied to ``x``: a token that nothing is merged into stays as it is, to the
        last bit.

        Args:
            x: [rows, tokens, width].
            sizes: [rows, tokens], how many patches are in each token; None: one in each.

        """
        if sizes is None:
            sizes = x.new_ones(x.shape[:2], dtype=torch.promote_types(x.dtype, torch.float32))
        kept, lost = sizes.gather(1, self.left), sizes.gather(1, self.sources)
        # Whole numbers: exact in any order, also on a GPU.
        merged = kept.scatter_add(1, self.into, lost)
        shares = (kept / merged).to(x.dtype), (lost / merged.gather(1, self.into)).to(x.dtype)
        left, sources = _rows(x, self.left), _rows(x, self.sources)
        return self._added(left.mul_(shares[0][..., None]), sources.mul_(shares[1][..., None])), merged

    def _added(self, left: Tensor, sources: Tensor) -> Tensor:
        """Add the sources to where they go, in place; the order of additions is always the same."""
        add = by_index if left.device.type == "cpu" else by_matrix
        add(left, sources, self.into, self.first_into)
        return left


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
    with torch.no_grad(), torch.autocast(metric.device.type, enabled=False):
        # Half precision would make ties of what differs.
        unit = F.normalize(metric.to(torch.promote_types(metric.dtype, torch.float32)), dim=-1)
        best, partner = (unit[:, first_a::2] @ unit[:, first_b::2].transpose(1, 2)).max(dim=-1)
        order = best.argsort(dim=-1, descending=True, stable=True)
        matched, alone = order[:, :r], order[:, r:]
        if protected:
            alone = alone.sort(dim=-1).values
        steady = torch.arange(protected, device=metric.device).expand(rows, -1)
        b = torch.arange(first_b, tokens, 2, device=metric.device).expand(rows, -1)
        first_into = protected + alone.shape[1]
        return Plan(
            tokens=tokens,
            left=torch.cat([steady, first_a + 2 * alone, b], dim=1),
            sources=first_a + 2 * matched,
            into=first_into + partner.gather(1, matched),
            first_into=first_into,
        )


def by_index(places: Tensor, extra: Tensor, into: Tensor, first: int) -> None:
    """Add ``extra`` [rows, r, width] to ``places`` [rows, n, width], in place, where ``into`` [rows, r] says.

    On a CPU in the order of the rows of ``extra``; on a GPU in no order.
    """
    places.flatten(0, 1).index_add_(0, _flat(into, places.shape[1]), extra.flatten(0, 1))


def by_matrix(places: Tensor, extra: Tensor, into: Tensor, first: int) -> None:
    """Do the same by a product with zeros and ones, in an order that is fixed everywhere.

    Nothing goes to a place before ``first``, which halves the product.
    """
    n = places.shape[1] - first
    ones = extra.new_zeros(len(places), n, into.shape[1]).scatter_(1, (into - first)[:, None], 1.0)
    with torch.autocast(places.device.type, enabled=False):
        places[:, first:] += ones @ extra


def _rows(x: Tensor, index: Tensor) -> Tensor:
    """Return ``x[row, index[row]]``, [rows, k, width]: whole lines are copied, which gather does not do."""
    return x.flatten(0, 1).index_select(0, _flat(index, x.shape[1])).unflatten(0, index.shape)


def _flat(index: Tensor, width: int) -> Tensor:
    """Return an index into each of the rows as one into all of them behind one another."""
    return (index + torch.arange(0, len(index) * width, width, device=index.device)[:, None]).flatten()
