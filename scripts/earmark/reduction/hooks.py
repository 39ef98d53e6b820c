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
beam search, static caches, prefill in pieces, labels. Written against transformers 5.23.0.
"""

import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from transformers.masking_utils import create_causal_mask

from earmark.errors import UserError
from earmark.reduction.budget import Budget
from earmark.reduction.contract import Reducer, take_tokens
from earmark.reduction.decoder import Decoder, argument
from earmark.reduction.prompt import survivors
from earmark.reduction.selection import Prefill, Rotary, RowRecord, Selection

Call = tuple[Any, dict[str, Any]]


@dataclass
class _Reduced:
    """What the layers from K on need to know of a prompt, in its prefill and in its decoding."""

    width: int
    """Tokens of the longest row that are left."""
    valid: Tensor | None
    """[rows, width] bool, False at padding; None if there is none."""
    last_position: Tensor
    """[rows, 1] position of the last prompt token."""
    mask: Any
    """Attention mask of the step in progress."""
    rotary: Rotary | None
    """Rotary tables of the tokens that are left; None once they are cached."""


class TokenReduction:
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
        UserError: no such layer, no such budget, unsupported model.

    """

    def __init__(
        self,
        model: nn.Module,
        reducer: Reducer,
        *,
        keep_ratio: float | None = None,
        keep_tokens: int | None = None,
        layer: int,
        seed: int = 0,
        reference: bool = False,
    ) -> None:
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
        self.records: list[RowRecord] = []
        """One per row of the last prefill."""
        self._handles: list[Any] = []
        self._forget()

    def expect(self, audio_mask: Tensor | None = None, sample_ids: Sequence[str] | None = None) -> None:
        """Describe the next prefill, and only that one.

        Args:
            audio_mask: [rows, prompt] bool, True at the audio tokens, not at those that open and
                close them. Needed where no `input_ids` can be seen: calls with `inputs_embeds`,
                models whose config names no audio token.
            sample_ids: one per row, "" for all if not given. What methods draw depends on them.

        """
        self._audio_mask = audio_mask
        self._sample_ids = None if sample_ids is None else tuple(map(str, sample_ids))

    def __enter__(self) -> "TokenReduction":
        """Put the hooks on."""
        decoder, layer = self.selection.decoder, self.selection.layer
        for wrapper in decoder.wrappers:
            self._hook(wrapper, self._before_wrapper)
        self._hook(decoder.text, self._before_decoder)
        if self.selection.needs_previous:
            self._hook(decoder.text.layers[layer - 1], self._before_previous)
        self._hook(decoder.text.layers[layer], self._before_first)
        for later in decoder.text.layers[layer + 1 :]:
            self._hook(later, self._before_later)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the hooks off and let go of everything but the records."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._forget()

    def _hook(self, module: nn.Module, hook: Any) -> None:
        self._handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    def _forget(self) -> None:
        self.expect()
        self._input_ids: Tensor | None = None
        self._padding_mask: Any = None
        self._positions: Tensor | None = None
        self._previous: Tensor | None = None
        self._reduced: _Reduced | None = None
        # By cache, so that several prompts can be decoded in turns.
        self._by_cache: weakref.WeakKeyDictionary[Any, _Reduced] = weakref.WeakKeyDictionary()

    # The hooks, in the order they fire. `_reduced` is None from the start of a prefill to layer K.

    def _before_wrapper(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        self._input_ids = argument(module, "input_ids", args, kwargs)
        return self._with_positions(module, args, kwargs)

    def _before_decoder(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        cache = argument(module, "past_key_values", args, kwargs)
        ids = argument(module, "input_ids", args, kwargs)
        self._input_ids = ids if ids is not None else self._input_ids
        self._padding_mask = argument(module, "attention_mask", args, kwargs)
        self._positions = argument(module, "position_ids", args, kwargs)
        if cache is None or cache.get_seq_length() == 0:
            self._reduced = None
        elif cache in self._by_cache:
            self._reduced, self._input_ids = self._by_cache[cache], None
        else:
            raise UserError(
                "token reduction: this cache was filled outside the context; run the prefill inside it too"
            )
        return self._with_positions(module, args, kwargs)

    def _before_previous(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        if self._reduced is None:
            self._previous = args[0] if args else kwargs["hidden_states"]

    def _before_first(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
        hidden = args[0] if args else kwargs["hidden_states"]
        cache = kwargs.get("past_key_values")
        if self._reduced is None:
            hidden, self._reduced = self._reduce(hidden, kwargs["position_embeddings"], cache)
            if cache is not None:
                self._by_cache[cache] = self._reduced
        else:
            self._reduced.rotary = None
            self._reduced.mask = self._decode_mask(self._reduced, hidden, cache)
        call = ((hidden, *args[1:]), kwargs) if args else ((), kwargs | {"hidden_states": hidden})
        return self._before_later(module, *call)

    def _before_later(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
        assert self._reduced is not None
        kwargs = kwargs | {"attention_mask": self._reduced.mask}
        if self._reduced.rotary is not None:
            # Positions are in the rotary tables. FlashAttention alone reads position_ids, and takes
            # the gaps that dropped tokens leave for borders between packed sequences.
            kwargs |= {"position_embeddings": self._reduced.rotary, "position_ids": None}
        return args, kwargs

    # What the hooks do.

    def _reduce(self, hidden: Tensor, rotary: Rotary, cache: Any) -> tuple[Tensor, _Reduced]:
        """Choose and drop, once per prefill: the states that are left, and all about them."""
        started = _now(hidden.device)
        prefill = Prefill(
            hidden,
            rotary,
            self._previous,
            cache,
            self._padding_mask,
            self._input_ids,
            self._audio_mask,
            self._sample_ids,
        )
        self._previous = self._input_ids = None
        self.expect()
        with torch.no_grad():
            choice = self.selection.choose(prefill)
            chosen = _now(hidden.device)
            positions, valid = survivors(choice)
        hidden = take_tokens(hidden, positions)
        cos, sin = (take_tokens(table, positions) for table in rotary)
        reduced = _Reduced(
            width=hidden.shape[1],
            valid=valid,
            last_position=self._last_position(choice.real),
            mask=self._mask(hidden, valid, cache),
            rotary=(cos, sin),
        )
        done = _now(hidden.device)
        self.records = self.selection.records(choice, chosen - started, done - chosen)
        return hidden, reduced

    def _mask(self, hidden: Tensor, valid: Tensor | None, cache: Any) -> Any:
        """Causal mask for the attention in use, sized by the cache of layer K, not of layer 0."""
        return create_causal_mask(
            config=self.selection.decoder.text.config,
            inputs_embeds=hidden,
            attention_mask=valid,
            past_key_values=cache,
            position_ids=None,
            layer_idx=self.selection.layer,
        )

    def _decode_mask(self, reduced: _Reduced, hidden: Tensor, cache: Any) -> Any:
        """Mask of a decoding step, from our own state.

        `generate` passes no mask if the prompts had no padding, while rows that keep different
        numbers of tokens have some from layer K on.
        """
        valid = reduced.valid
        if valid is not None:
            new = cache.get_seq_length(self.selection.layer) + hidden.shape[1] - reduced.width
            valid = torch.cat([valid, valid.new_ones(valid.shape[0], new)], dim=1)
        return self._mask(hidden, valid, cache)

    def _last_position(self, real: Tensor) -> Tensor:
        """Position of the last prompt token, [rows, 1]; models count from 0 if not told."""
        if self._positions is None:
            return torch.full_like(real[:, -1:], real.shape[1] - 1, dtype=torch.long)
        last = self._positions[..., -1:]
        last = last.amax(0) if last.dim() == 3 else last  # several rows of ids in mRoPE
        return last.expand(real.shape[0], 1)

    def _with_positions(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        """Give a decoding step its positions if the caller left them to the model.

        The model counts the tokens in layer 0's cache: too few once layer 0 itself is reduced.
        """
        cache = argument(module, "past_key_values", args, kwargs)
        if self.selection.layer > 0 or cache is None or cache not in self._by_cache:
            return None
        past = cache.get_seq_length()
        if past == 0 or argument(module, "position_ids", args, kwargs) is not None:
            return None
        inputs = argument(module, "input_ids", args, kwargs)
        inputs = argument(module, "inputs_embeds", args, kwargs) if inputs is None else inputs
        reduced = self._by_cache[cache]
        first = reduced.last_position + 1 + past - reduced.width
        positions = first + torch.arange(inputs.shape[1], device=first.device)
        return args, kwargs | {"position_ids": positions}


def _now(device: torch.device) -> float:
    """Seconds, after all work queued on a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
