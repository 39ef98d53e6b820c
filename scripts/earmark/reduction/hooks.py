"""Apply a token-reduction method to a decoder: forward pre-hooks in a context manager.

    with TokenReduction(model, load("dart"), keep_ratio=0.5, layer=2) as reduction:
        model.generate(**inputs)
    reduction.records[0].tokens_after

In a prefill, audio tokens are chosen and dropped, or merged, just before decoder layer K runs; layers
0..K-1 see the whole prompt. A method may act again before later layers. Every token keeps its
original position, in decoding too, and what others were merged into stands where its own token stood;
`renumber` gives positions as if the others had never been. From layer K on the cache is shorter and
rows of a batch may keep different numbers of tokens, so these layers get masks of their own. Nothing of
the model is copied, subclassed or patched; leaving the context, also by an exception, takes all hooks
off. Works with `generate` and with loops written by hand, with sdpa and eager attention, with and
without a cache, on prompts padded on the left. Not supported: beam search, static caches, prefill in
several calls, labels. Written against transformers 5.23.0.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.masking_utils import create_causal_mask

from earmark.core.errors import UserError
from earmark.reduction.budget import Budget
from earmark.reduction.context import Call, PrefillContext, Remains
from earmark.reduction.contract import Method, Reducer, take_tokens
from earmark.reduction.decoder import Decoder
from earmark.reduction.prompt import Choice, survivors
from earmark.reduction.selection import Course, Prefill, Rotary, Selection
from earmark.reduction.slots import with_slots


@dataclass
class _Stage(Remains):
    """What the layers from one stage to the next need to know of a prompt, in prefill and in decoding."""

    mask: Any
    """Attention mask of the step in progress."""
    rotary: Rotary | None
    """Rotary tables of the tokens that are left; None once they are cached."""


@dataclass
class _Reduced(Remains):
    """A prompt after its first stage, and all that came later."""

    stages: list[_Stage]
    course: Course | None
    """Its way so far; None once the last stage is done."""


class TokenReduction(PrefillContext[_Reduced]):
    """Drops or merges audio tokens before layer `layer` of every prefill inside the context.

    Args:
        model: a supported model or its bare text decoder (see `decoder.py`).
        reducer: the method, from `load(name, options)`.
        keep_ratio: share of the audio tokens to keep, in (0, 1].
        keep_tokens: or the number to keep; neither is needed for a method that keeps all.
        layer: decoder layer K, from 0. A method that needs a later one runs there, and the
            records say so; one that acts at several layers begins there.
        seed: for methods that draw.
        reference: choose as the published code does: the tokens that open and close the audio can
            be dropped too, and each method counts in its own way.
        renumber: give the tokens left positions 0, 1, 2 ... as if the others had never been, as code
            that cuts the prompt before the decoder does; at layer 0 only.

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
        renumber: bool = False,
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
        self._layers = self.selection.layers
        if renumber and self._layers != (0,):
            raise UserError(
                f"{reducer.name}: renumber=True needs layer 0 and no other (here {list(self._layers)}), for "
                "later layers go on with the positions of earlier ones"
            )
        self._previous: Tensor | None = None
        self._entered: Tensor | None = None
        super().__init__(self.selection.decoder, self._layers[0] == 0, renumber)

    def attach(self) -> None:
        """Put hooks on layer K, on those behind it and, where it is asked for, on those before a stage."""
        stage = -1
        for number, layer in enumerate(self.decoder.text.layers):
            # In this order: what a layer is given changes first, and is noted then.
            if number in self._layers:
                stage += 1
                if number == 0 and self.selection.reducer.needs_prompt:
                    self.hook(layer, self._before_first)
                self.hook(layer, partial(self._before_stage, stage))
            elif stage >= 0:
                self.hook(layer, partial(self._before_later, stage))
            elif number == 0 and self.selection.reducer.needs_prompt:
                self.hook(layer, self._before_first)
            if number + 1 in self._layers and self.selection.needs_previous:
                self.hook(layer, self._before_previous)

    def _forget(self) -> None:
        super()._forget()
        self._previous = self._entered = None

    @property
    def _filling(self) -> bool:
        """Whether a prefill is on its way to its last stage; False in decoding."""
        return self.remains is None or self.remains.course is not None

    # The hooks, in the order they fire. `remains` is None from the start of a prefill to the first stage.

    def _before_first(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        if self._filling:
            self._entered = _states(args, kwargs)

    def _before_previous(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        if self._filling:
            self._previous = _states(args, kwargs)

    def _before_stage(self, stage: int, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
        hidden = _states(args, kwargs)
        cache: Any = kwargs.get("past_key_values")
        if self._filling:
            rotary = kwargs["position_embeddings"] if stage == 0 else self._at(stage - 1).rotary
            assert rotary is not None
            hidden = self._reduce(stage, hidden, rotary, cache)
        else:
            layer, own = self._layers[stage], self._at(stage)
            own.rotary = None
            total = cache.get_seq_length(layer) + hidden.shape[1]
            own.mask = self._mask(hidden, own.grown(total), cache, layer)
        call = ((hidden, *args[1:]), kwargs) if args else ((), kwargs | {"hidden_states": hidden})
        return self._before_later(stage, module, *call)

    def _before_later(self, stage: int, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
        own = self._at(stage)
        kwargs = kwargs | {"attention_mask": own.mask}
        if own.rotary is not None:
            # Positions are in the rotary tables. FlashAttention alone reads position_ids, and takes
            # the gaps that dropped tokens leave for borders between packed sequences.
            kwargs |= {"position_embeddings": own.rotary, "position_ids": None}
        return args, kwargs

    # What the hooks do.

    def _at(self, stage: int) -> _Stage:
        assert self.remains is not None
        return self.remains.stages[stage]

    def _reduce(self, stage: int, hidden: Tensor, rotary: Rotary, cache: Any) -> Tensor:
        """Choose and drop, once per stage of a prefill: returns the states that are left."""
        started = self.now(hidden.device)
        prefill = Prefill(hidden, rotary, self._previous, cache, self._entered)
        self._previous = None
        with torch.no_grad():
            if self.remains is None:
                course = self.selection.begin(self.seen(hidden))
            else:
                assert self.remains.course is not None
                course = self.remains.course
            choice = self.selection.choose(course, prefill, stage)
            chosen = self.now(hidden.device)
            positions, valid = survivors(choice)
        outline = choice.outline
        hidden = take_tokens(with_slots(hidden, outline.span, choice.reduced, outline.budget), positions)
        own = self._stage(stage, hidden, rotary, positions, valid, cache, choice)
        last = stage == len(self._layers) - 1
        if not last:
            course.now = choice.then(positions, valid, outline.budget)
        self._note(own, None if last else course, cache)
        done = self.now(hidden.device)
        spent = (0.0, 0.0) if stage == 0 else (self.records[0].selection_s, self.records[0].gather_s)
        self.records = self.selection.records(course, spent[0] + chosen - started, spent[1] + done - chosen)
        return hidden

    def _stage(
        self,
        stage: int,
        hidden: Tensor,
        rotary: Rotary,
        positions: Tensor,
        valid: Tensor | None,
        cache: Any,
        choice: Choice,
    ) -> _Stage:
        """Return what the layers behind a stage need: mask and rotary tables of what is left."""
        last = self.last_position(choice.outline.real) if stage == 0 else self._at(0).last_position
        if self._renumbers:
            places = torch.ones_like(positions) if valid is None else valid.long()
            places = (places & choice.outline.real.gather(1, positions)).cumsum(1) - 1
            last = places[:, -1:]
            tables = self.decoder.rotary(places.clamp(min=0), hidden)
        else:
            tables = tuple(take_tokens(table, positions) for table in rotary)  # type: ignore[assignment]
        return _Stage(
            width=hidden.shape[1],
            valid=valid,
            last_position=last,
            mask=self._mask(hidden, valid, cache, self._layers[stage]),
            rotary=tables,
        )

    def _note(self, own: _Stage, course: Course | None, cache: Any) -> None:
        """Remember a stage; for the decoding steps that will name the cache once it was the last."""
        if self.remains is None:
            self.remains = _Reduced(own.width, own.valid, own.last_position, [], course)
        self.remains.stages.append(own)
        self.remains.course = course
        if course is None:
            self._entered = None
            self.remember(cache, self.remains)

    def _mask(self, hidden: Tensor, valid: Tensor | None, cache: Any, layer: int) -> Any:
        """Causal mask for the attention in use, sized by the cache of a layer, not of layer 0."""
        return create_causal_mask(
            config=self.decoder.text.config,
            inputs_embeds=hidden,
            attention_mask=valid,
            past_key_values=cache,
            position_ids=None,
            layer_idx=layer,
        )


def _states(args: Any, kwargs: dict[str, Any]) -> Tensor:
    """Return the states that a layer was called on."""
    states: Tensor = args[0] if args else kwargs["hidden_states"]
    return states
