"""Apply a cache-compression method to a decoder: forward hooks in a context manager.

    with CacheCompression(model, load("kv-snap"), keep_ratio=0.5) as compression:
        model.generate(**inputs)
    compression.records[0].tokens_after

Right after the prefill of each layer its cache is cut to the kept entries, so that no more than one
layer is ever cached in full. The prefill itself computes everything: its answer is the untouched
model's, and what is saved is memory and the time of decoding. Keys keep the positions they were
rotated to, and decoding goes on from the prompt's last position. A kv head may keep other entries
than its neighbour; each keeps as many as the row's budget says. Rows of a batch may keep different
numbers: the shorter ones are padded, and the padding is masked. Not supported: beam search, static
caches, flash attention with rows of different lengths. Written against transformers 5.23.0.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from earmark.compression.contract import Compressor, Entries
from earmark.core.errors import UserError
from earmark.reduction.budget import Budget
from earmark.reduction.context import Call, PrefillContext, Remains
from earmark.reduction.contract import Method, below
from earmark.reduction.decoder import Decoder, argument
from earmark.reduction.prompt import Outline, outline
from earmark.reduction.record import RowRecord


class CacheCompression(PrefillContext[Remains]):
    """Cuts the cache of every layer to a share of the audio, in every prefill inside the context.

    Args:
        model: a supported model or its bare text decoder (see `reduction/decoder.py`).
        method: the method, from `load(name, options)`.
        keep_ratio: share of the audio entries to keep, in (0, 1]; text always stays.
        keep_tokens: or the number to keep.
        seed: for methods that draw.
        reference: as kvpress: a share of the whole prompt is kept, and text may go.

    Raises:
        UserError: no such budget, unsupported model, a method of another kind.

    """

    def __init__(
        self,
        model: nn.Module,
        method: Method,
        *,
        keep_ratio: float | None = None,
        keep_tokens: int | None = None,
        seed: int = 0,
        reference: bool = False,
    ) -> None:
        if not isinstance(method, Compressor):
            raise UserError(f"{method.name} drops tokens, not cache entries: use TokenReduction")
        self.method, self.budget = method, Budget(keep_ratio, keep_tokens)
        self.seed, self.reference = seed, reference
        if reference and keep_ratio is None:
            raise UserError("reference selection is defined by a ratio: give keep_ratio")
        super().__init__(Decoder.of(model), first_layer_loses=True)

    def attach(self) -> None:
        """Put a hook behind every layer."""
        for number, layer in enumerate(self.decoder.text.layers):
            self.hook_after(layer, partial(self._after_layer, number))

    def _forget(self) -> None:
        super()._forget()
        self._outline: Outline | None = None
        self._seconds = 0.0
        self._kept: list[Tensor] = []

    def _before_decoder(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        """Note what comes; a decoding step is given the mask of what is left."""
        called = super()._before_decoder(module, args, kwargs)
        self._outline, self._seconds, self._kept = None, 0.0, []
        if self.remains is None:
            return called
        args, kwargs = called or (args, kwargs)
        cache = argument(module, "past_key_values", args, kwargs)
        ids = argument(module, "input_ids", args, kwargs)
        new = ids if ids is not None else argument(module, "inputs_embeds", args, kwargs)
        if len(args) > 1:
            raise UserError("cache compression: call the model with named arguments")
        mask = self.remains.grown(cache.get_seq_length() + new.shape[1])
        return args, kwargs | {"attention_mask": mask}

    def _after_layer(
        self, number: int, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any
    ) -> None:
        """Cut the layer's cache, if this was its prefill."""
        if self.remains is not None and self._outline is None:
            return
        hidden = args[0] if args else kwargs["hidden_states"]
        cache = kwargs.get("past_key_values")
        if cache is None:
            raise UserError("cache compression: there is no cache; call the model with use_cache=True")
        started = self.now(hidden.device)
        with torch.no_grad():
            if self._outline is None:
                self._begin(hidden, cache)
            assert self._outline is not None and self.remains is not None
            stored = cache.layers[number]
            entries = Entries(
                keys=stored.keys,
                values=stored.values,
                hidden=hidden,
                layer=module,
                number=number,
                rotary=kwargs["position_embeddings"],
                ahead=partial(self._ahead, self.remains.last_position, hidden),
                outline=self._outline,
                seed=self.seed,
            )
            places = survivors(self.method.score(entries), self._outline)
            places = places.expand(-1, stored.keys.shape[1], -1)
            stored.keys, stored.values = (
                states.gather(2, places[..., None].expand(-1, -1, -1, states.shape[-1]))
                for states in (stored.keys, stored.values)
            )
        self._kept.append(places)
        self._seconds += self.now(hidden.device) - started
        if number == len(self.decoder.text.layers) - 1:
            self.records = self._records(self._outline)

    def _begin(self, hidden: Tensor, cache: Any) -> None:
        """Settle once per prefill how many entries stay; the same in every layer."""
        tokens: Callable[[int], int] = self._reference_tokens if self.reference else self.budget.of
        found = outline(self.seen(hidden), self.decoder, "all" if self.reference else "audio", tokens)
        width = max(1, found.width)
        valid = below(tuple(found.counts), found.real[:, :width]).flip(1)
        self._outline = found
        self.remember(
            cache,
            Remains(width, None if min(found.counts) == width else valid, self.last_position(found.real)),
        )

    def _reference_tokens(self, length: int) -> int:
        return min(length, max(1, self.method.reference_tokens(length, self.budget.drop)))

    def _ahead(self, last: Tensor, like: Tensor, count: int) -> tuple[Tensor, Tensor]:
        return self.decoder.rotary(last + 1 + torch.arange(count, device=last.device), like)

    def _records(self, found: Outline) -> list[RowRecord]:
        """One record per row; `kept` is [layers, kv heads, tokens] places in the padded prompt."""
        kept = torch.stack(self._kept, dim=1)
        return [
            RowRecord(
                sample_id=found.sample_ids[row],
                method=self.method.name,
                layer_requested=0,
                layer=0,
                note="",
                tokens_before=found.before[row],
                tokens_after=tokens,
                kept=kept[row, ..., kept.shape[-1] - found.counts[row] :],
                selection_s=self._seconds,
                gather_s=0.0,
            )
            for row, tokens in enumerate(found.after)
        ]


def survivors(scores: Tensor, found: Outline) -> Tensor:
    """Places that stay in the cache, [rows, heads, width]: all that may not go, and the best of the rest.

    Args:
        scores: [rows, heads, prompt], the higher the better; equal ones go to the earlier entry.
        found: what may go, and how many of it stay.

    """
    span = found.span.mask[:, None]
    order = scores.float().masked_fill(~span, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    budget = torch.tensor(found.budget, device=order.device)[:, None, None]
    best = torch.arange(order.shape[-1], device=order.device) < budget
    kept = torch.zeros_like(span.expand_as(order)).scatter(2, order, best.expand_as(order))
    kept = kept | (found.real[:, None] & ~span)
    places = kept.to(torch.uint8).argsort(dim=-1, stable=True)
    return places[..., places.shape[-1] - max(1, found.width) :]
