"""Merge tokens in every layer of a stock AST: applied to a model, and taken off again.

    with Merging(model, Schedule.parse("16", {}), trace=True) as merging:
        logits = model(input_values).logits
    merging.clamped.tokens, merging.sizes, merging.source

In each layer, behind attention, the r tokens most like another one are averaged into it, so that the rest
of the layer and all later ones run on fewer tokens. The layers get another class for the while, as FSDP
does it; weights, their names and the rest of the model are untouched. What belongs to a batch travels with
it through the layers and is never kept on them, so replicas and threads do not meet. Works in training (the
matching has no gradient, the averages have), under autocast, with gradient checkpointing, and with every
attention that transformers knows. Layers in which nothing is or was merged are the stock ones. Written
against transformers 5.23.0.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor
from transformers import ASTForAudioClassification
from transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer import (
    ASTAttention,
    ASTLayer,
)

from earmark.core.errors import UserError
from earmark.merging.attention import attend
from earmark.merging.matching import match
from earmark.merging.schedule import PROTECTED, Clamped, Schedule, clamp, mergeable


@dataclass
class _Batch:
    """What the layers know of the batch in work, by layer: a layer that is run again finds its own."""

    asked: list[int]
    proportional: bool
    trace: bool
    tokens: int = 0
    """What goes into the first layer."""
    sizes: dict[int, Tensor] = field(default_factory=dict)
    """[rows, tokens] before each layer, from the first on that a merged token comes to."""
    slots: dict[int, Tensor] = field(default_factory=dict)
    """Where each token of a layer ends, for the trace."""
    keys: dict[int, Tensor] = field(default_factory=dict)
    """[rows, heads, tokens, width of a head], from attention to the merging right behind it."""


class _MergingAttention(ASTAttention):
    """Attention over merged tokens; leaves its keys for the matching."""

    merging_layer: int

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *,
        merging: _Batch | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; without a batch as the stock module."""
        if merging is None:
            stock: tuple[Tensor, Tensor | None] = super().forward(hidden_states, attention_mask, **kwargs)
            return stock
        shape = (*hidden_states.shape[:-1], -1, self.head_dim)
        query, key, value = (
            project(hidden_states).view(shape).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        merging.keys[self.merging_layer] = key.detach()
        sizes = merging.sizes.get(self.merging_layer) if merging.proportional else None
        attended, weights = attend(self, query, key, value, sizes, **kwargs)
        return self.o_proj(attended.flatten(-2)), weights


class _MergingLayer(ASTLayer):
    """A layer that merges between its attention and its MLP."""

    merging_layer: int

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *,
        merging: _Batch,
        **kwargs: Any,
    ) -> Tensor:
        """Return [rows, tokens left, width]."""
        index = self.merging_layer
        if index == 0:
            merging.tokens = hidden_states.shape[1]
        sizes = merging.sizes.get(index)
        r = mergeable(merging.asked[index], hidden_states.shape[1], PROTECTED)
        if sizes is None and r == 0:
            stock: Tensor = super().forward(hidden_states, attention_mask, **kwargs)
            return stock
        if attention_mask is not None:
            raise UserError("merging: tokens are merged across an attention mask; leave attention_mask out")
        attended, _ = self.attention(self.layernorm_before(hidden_states), merging=merging, **kwargs)
        hidden_states = self.dropout(attended) + hidden_states
        keys = merging.keys.pop(index)
        plan = match(_metric(keys), r, protected=PROTECTED) if r else None
        if plan is not None:
            hidden_states, sizes = plan.average(hidden_states, sizes)
            if merging.trace:
                merging.slots[index] = plan.slots()
        assert sizes is not None
        merging.sizes[index + 1] = sizes
        return hidden_states + self.dropout(self.mlp(self.layernorm_after(hidden_states)))


def _metric(keys: Tensor) -> Tensor:
    """Return what similarity is judged by: the mean of the heads' keys, [rows, tokens, width of a head]."""
    return keys.transpose(1, 2).mean(dim=2, dtype=torch.promote_types(keys.dtype, torch.float32))


class Merging:
    """Merging in a model, as a context or by :meth:`apply` and :meth:`remove`.

    Args:
        model: not wrapped (by DDP, say); it may be wrapped afterwards.
        schedule: tokens to merge per layer; where there are too few, as many as there can be, with a warning.
        proportional: whether attention counts a merged token as often as the patches in it.
        trace: whether ``source`` is kept.

    Raises:
        UserError: merging is already applied to the model.

    """

    def __init__(
        self,
        model: ASTForAudioClassification,
        schedule: Schedule,
        *,
        proportional: bool = True,
        trace: bool = False,
    ) -> None:
        self.schedule, self.proportional, self.trace = schedule, proportional, trace
        self.clamped: Clamped | None = None
        """What the schedule came to in the last batch."""
        self.sizes: Tensor | None = None
        """[rows, tokens left] patches in each token that left the last layer, in the last batch."""
        self.source: Tensor | None = None
        """[rows, tokens] where each token that went into the first layer ended, if ``trace``."""
        self._body = model.audio_spectrogram_transformer
        self._asked = schedule.per_layer(len(self._body.layers))
        self._handles: list[Any] = []
        self._warned: set[int] = set()

    def apply(self) -> Self:
        """Put it on the model."""
        if any(isinstance(layer, _MergingLayer) for layer in self._body.layers):
            raise UserError("merging: it is already applied to this model; remove it first")
        for index, layer in enumerate(self._body.layers):
            for module, kind in ((layer, _MergingLayer), (layer.attention, _MergingAttention)):
                module.__class__ = kind
                module.merging_layer = index
        self._handles = [
            self._body.register_forward_pre_hook(self._before, with_kwargs=True),
            self._body.register_forward_hook(self._after, with_kwargs=True),
        ]
        return self

    def remove(self) -> None:
        """Take it off; the model is the stock one again."""
        if not self._handles:
            return
        for handle in self._handles:
            handle.remove()
        self._handles = []
        for layer in self._body.layers:
            for module, kind in ((layer, ASTLayer), (layer.attention, ASTAttention)):
                module.__class__ = kind
                del module.merging_layer

    def __enter__(self) -> Self:
        """Put it on the model."""
        return self.apply()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it off."""
        self.remove()

    def _before(self, module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, kwargs | {"merging": _Batch(self._asked, self.proportional, self.trace)}

    def _after(self, module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        batch: _Batch = kwargs["merging"]
        rows, tokens = len(output[0]), batch.tokens
        self.clamped = clamp(self._asked, tokens, PROTECTED)
        sizes = batch.sizes.get(len(self._asked))
        self.sizes = output[0].new_ones(rows, tokens) if sizes is None else sizes
        self.source = None
        if self.trace:
            self.source = torch.arange(tokens, device=output[0].device).repeat(rows, 1)
            for index in sorted(batch.slots):
                self.source = batch.slots[index].gather(1, self.source)
        if self.clamped.clamped_layers and tokens not in self._warned:
            self._warned.add(tokens)
            layers = ", ".join(map(str, self.clamped.clamped_layers))
            warnings.warn(
                f"r{self.schedule.name} on {tokens} tokens: layers {layers} merge as many as they can, not "
                f"what they were asked to; {self.clamped.tokens[-1]} tokens are left",
                stacklevel=2,
            )
