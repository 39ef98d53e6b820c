"""One prefill, from what the hooks saw to what is kept: span, budget, the method, the record."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from earmark.reduction.budget import Budget
from earmark.reduction.contract import Known, Reducer
from earmark.reduction.decoder import Decoder, attention_rows, heads_of
from earmark.reduction.prompt import Choice, Outline, Seen, after, outline

Rotary = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class RowRecord:
    """What happened to one row of a prefill."""

    sample_id: str
    method: str
    layer_requested: int
    layer: int
    note: str
    tokens_before: int
    tokens_after: int
    kept: Tensor
    """[tokens_after] offsets into the audio tokens, ascending, on the model's device."""
    selection_s: float
    """Seconds for choosing, for the whole batch: masks, keys, attention row, method."""
    gather_s: float
    """Seconds for dropping, for the whole batch: states, rotary tables, mask."""

    @property
    def keep_ratio_effective(self) -> float:
        """Share of the span that was kept; 1 where there was no audio."""
        return self.tokens_after / self.tokens_before if self.tokens_before else 1.0


def _with_sink(offsets: Tensor, sink: int) -> Tensor:
    """Return offsets into the audio from those into the span, which begins behind a protected token."""
    return torch.cat([offsets.new_zeros(1), offsets + 1]) if sink else offsets


@dataclass(frozen=True)
class Prefill:
    """What the hooks saw of one prefill before layer K."""

    hidden: Tensor
    """[rows, prompt, hidden] states entering layer K."""
    rotary: Rotary
    """Cosine and sine, each [rows or 1, prompt, head dim]."""
    previous: Tensor | None
    """[rows, prompt, hidden] states entering layer K-1, where the method needs them."""
    cache: Any
    seen: Seen


@dataclass(frozen=True)
class Selection:
    """A method with a budget at a layer of a decoder."""

    decoder: Decoder
    reducer: Reducer
    budget: Budget
    layer_requested: int
    seed: int
    reference: bool

    @property
    def layer(self) -> int:
        """The layer before which tokens are dropped."""
        return max(self.layer_requested, self.reducer.lowest_layer)

    @property
    def needs_previous(self) -> bool:
        """Whether the method needs anything of layer K-1."""
        return self.layer > 0 and (self.reducer.needs_keys or self.reducer.needs_attention)

    def choose(self, prefill: Prefill) -> Choice:
        """Find the span, count the budget and let the method choose.

        Raises:
            UserError: the audio cannot be found, or the prompts are not padded on the left.

        """
        prunable: Literal["boundaries", "audio"] = "boundaries" if self.reference else "audio"
        found = outline(prefill.seen, self.decoder, prunable, self._tokens)
        return Choice(found, self._offsets(prefill, found))

    def records(self, choice: Choice, selection_s: float, gather_s: float) -> list[RowRecord]:
        """One record per row."""
        moved = self.layer != self.layer_requested
        note = f"{self.reducer.name} needs layer {self.reducer.lowest_layer} or later"
        return [
            RowRecord(
                sample_id=choice.outline.sample_ids[row],
                method=self.reducer.name,
                layer_requested=self.layer_requested,
                layer=self.layer,
                note=note if moved else "",
                tokens_before=choice.outline.before[row],
                tokens_after=choice.outline.after[row],
                kept=_with_sink(choice.offsets[row, :keep], choice.outline.sinks[row]),
                selection_s=selection_s,
                gather_s=gather_s,
            )
            for row, keep in enumerate(choice.outline.budget)
        ]

    def _tokens(self, length: int) -> int:
        if not self.reference:
            return self.budget.of(length)
        return min(length, self.reducer.reference_tokens(length, self.budget.drop))

    def _offsets(self, prefill: Prefill, found: Outline) -> Tensor:
        """Collect what the method needs and ask it."""
        hidden, span, real = prefill.hidden, found.span, found.real
        if max(found.budget) == 0:
            return torch.empty(len(found.budget), 0, dtype=torch.long, device=hidden.device)
        keys = self._keys(prefill) if self.reducer.needs_keys or self.needs_previous else None
        attention = None
        if self.reducer.needs_attention:
            assert keys is not None and prefill.previous is not None
            layer = self.decoder.text.layers[self.layer - 1]
            attention = attention_rows(layer, prefill.previous, prefill.rotary, keys, real, 1).mean((1, 2, 3))
        return self.reducer.select(
            Known(
                hidden=hidden,
                span=span,
                text_after=after(span.mask, real),
                budget=found.budget,
                norm=self.decoder.text.norm,
                keys=keys,
                attention=attention,
                seed=self.seed,
                sample_ids=found.sample_ids,
                reference=self.reference,
                starts=tuple(real.int().argmax(1).tolist()) if self.reference else (),
            )
        )

    def _keys(self, prefill: Prefill) -> Tensor:
        """Keys of layer K-1, from the cache if there is one; for K=0 those layer 0 will make."""
        if prefill.previous is None:
            return heads_of(self.decoder.text.layers[0], "k", prefill.hidden, prefill.rotary)
        if prefill.cache is None:
            layer = self.decoder.text.layers[self.layer - 1]
            return heads_of(layer, "k", prefill.previous, prefill.rotary)
        cached: Tensor = prefill.cache.layers[self.layer - 1].keys
        return cached
