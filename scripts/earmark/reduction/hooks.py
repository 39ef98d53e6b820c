"""Apply a token-reduction method to a decoder: forward pre-hooks in a context manager.

    with TokenReduction(model, load("dart"), keep_ratio=0.5, layer=2) as reduction:
        model.generate(**inputs)
    reduction.records[0].tokens_after

In a prefill, audio tokens are chosen and dropped just before decoder layer K runs; layers 0..K-1
see the whole prompt. Every token keeps its original position, in decoding too. From layer K on the
cache is shorter and rows of a batch may keep different numbers of tokens, so these layers get
masks of their own. Nothing of the model is copied, subclassed or patched; leaving the context, also
by an exception, takes all hooks off. Works with `generate` and with loops written by hand, with
sdpa and eager attention, with and without a cache, on prompts padded on the left. Not supported:
beam search, static caches, prefill in several calls, labels. Written against transformers 5.23.0.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.masking_utils import create_causal_mask

from earmark.core.errors import UserError
from earmark.reduction.budget import Budget
from earmark.reduction.context import Call, PrefillContext, Remains, now
from earmark.reduction.contract import Method, Reducer, take_tokens
from earmark.reduction.decoder import Decoder
from earmark.reduction.prompt import survivors
from earmark.reduction.selection import Prefill, Rotary, Selection


@dataclass
class _Reduced(Remains):
    """What the layers from K on need to know of a prompt, in its prefill and in its decoding."""

    mask: Any
    """Attention mask of the step in progress."""
    rotary: Rotary | None
    """Rotary tables of the tokens that are left; None once they are cached."""


class TokenReduction(PrefillContext[_Reduced]):
    """Drops audio tokens before layer `layer` of every prefill inside the context.

    Args:
        model: a supported model or its bare text decoder (see `decoder.py`).
        reducer: the method, from `load(name, options)`.
        keep_ratio: share of the audio tokens to keep, in (0, 1].
        keep_tokens: or the number to keep; neither is needed for a method that keeps all.
        layer: decoder layer K, from 0. A method that needs a later one runs there, and the
            records say so.
        seed: for methods that draw.
        reference: choose as the code published with AudioMarathon: the tokens that open and close
            the audio can be dropped too, and each method counts in its own way.

    Raises:
        UserError: no such layer, no such budget, unsupported model, a method of another kind.

    """

    def __init__(
        self,
        model: nn.Module,
        reducer: Method,
        *,
        keep_ratio: float | None = None,
        keep_tokens: int | None = None,
        layer: int,
        seed: int = 0,
        reference: bool = False,
    ) -> None:
        if not isinstance(reducer, Reducer):
            raise UserError(f"{reducer.name} compresses caches, it drops no tokens: use CacheCompression")
        if reducer.keeps_all and keep_tokens is None and keep_ratio is None:
            keep_ratio = 1.0
        budget = Budget(keep_ratio, keep_tokens)
        if reducer.keeps_all and keep_ratio != 1:
            raise UserError(f"{reducer.name} keeps all tokens: use keep_ratio=1.0 or leave it out")
        if reference and keep_ratio is None:
            raise UserError("reference selection is defined by a ratio: give keep_ratio")
        self.selection = Selection(Decoder.of(model), reducer, budget, layer, seed=seed, reference=reference)
        lowest, depth = reducer.lowest_layer, len(self.selection.decoder.text.layers)
        if layer < 0 or self.selection.layer >= depth:
            raise UserError(
                f"layer={layer}: the decoder has {depth} layers, and {reducer.name} can drop "
                f"tokens before layers {lowest} to {depth - 1}; choose one of these"
            )
        self._previous: Tensor | None = None
        super().__init__(self.selection.decoder, first_layer_loses=self.selection.layer == 0)

    def attach(self) -> None:
        """Put hooks on layer K, on those behind it and, where it is asked for, on the one before."""
        layers, layer = self.decoder.text.layers, self.selection.layer
        if self.selection.needs_previous:
            self.hook(layers[layer - 1], self._before_previous)
        self.hook(layers[layer], self._before_first)
        for later in layers[layer + 1 :]:
            self.hook(later, self._before_later)

    def _forget(self) -> None:
        super()._forget()
        self._previous = None

    # The hooks, in the order they fire. `remains` is None from the start of a prefill to layer K.

    def _before_previous(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        if self.remains is None:
            self._previous = args[0] if args else kwargs["hidden_states"]

    def _before_first(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
        hidden = args[0] if args else kwargs["hidden_states"]
        cache: Any = kwargs.get("past_key_values")
        if self.remains is None:
            hidden, reduced = self._reduce(hidden, kwargs["position_embeddings"], cache)
            self.remember(cache, reduced)
        else:
            self.remains.rotary = None
            total = cache.get_seq_length(self.selection.layer) + hidden.shape[1]
            self.remains.mask = self._mask(hidden, self.remains.grown(total), cache)
        call = ((hidden, *args[1:]), kwargs) if args else ((), kwargs | {"hidden_states": hidden})
        return self._before_later(module, *call)

    def _before_later(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
        assert self.remains is not None
        kwargs = kwargs | {"attention_mask": self.remains.mask}
        if self.remains.rotary is not None:
            # Positions are in the rotary tables. FlashAttention alone reads position_ids, and takes
            # the gaps that dropped tokens leave for borders between packed sequences.
            kwargs |= {"position_embeddings": self.remains.rotary, "position_ids": None}
        return args, kwargs

    # What the hooks do.

    def _reduce(self, hidden: Tensor, rotary: Rotary, cache: Any) -> tuple[Tensor, _Reduced]:
        """Choose and drop, once per prefill: the states that are left, and all about them."""
        started = now(hidden.device)
        prefill = Prefill(hidden, rotary, self._previous, cache, self.seen(hidden))
        self._previous = None
        with torch.no_grad():
            choice = self.selection.choose(prefill)
            chosen = now(hidden.device)
            positions, valid = survivors(choice)
        hidden = take_tokens(hidden, positions)
        cos, sin = (take_tokens(table, positions) for table in rotary)
        reduced = _Reduced(
            width=hidden.shape[1],
            valid=valid,
            last_position=self.last_position(choice.outline.real),
            mask=self._mask(hidden, valid, cache),
            rotary=(cos, sin),
        )
        done = now(hidden.device)
        self.records = self.selection.records(choice, chosen - started, done - chosen)
        return hidden, reduced

    def _mask(self, hidden: Tensor, valid: Tensor | None, cache: Any) -> Any:
        """Causal mask for the attention in use, sized by the cache of layer K, not of layer 0."""
        return create_causal_mask(
            config=self.decoder.text.config,
            inputs_embeds=hidden,
            attention_mask=valid,
            past_key_values=cache,
            position_ids=None,
            layer_idx=self.selection.layer,
        )
