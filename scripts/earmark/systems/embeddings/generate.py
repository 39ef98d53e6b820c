"""Text from a language model, greedy or sampled, and the states behind every token on request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from earmark.core.seeding import generator
from earmark.models.padding import left_padded


@dataclass(frozen=True)
class Ask:
    """One text to write: prompt ids, audio states, and the name its random numbers depend on."""

    name: str
    ids: list[int]
    states: Tensor


@dataclass(frozen=True)
class Written:
    """What came of it. ``states`` [tokens, layers + 1, width]: row i is what token i was chosen from."""

    text: str
    tokens: int
    ended: bool
    states: Tensor | None


@dataclass(frozen=True)
class Generation:
    """How texts are written. ``temperature`` 0 is greedy; above, sampled by ``seed`` and name."""

    decoder: Any
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int
    keep_states: bool

    @torch.inference_mode()
    def write(self, asks: Sequence[Ask]) -> list[Written]:
        """Write a batch; prompts are padded on the left. The same with any batch around it."""
        decoder = self.decoder
        table, mask, positions = left_padded([ask.ids for ask in asks], decoder.pad_id, decoder.device)
        draws = [
            generator(self.seed, "caption", ask.name).random(self.max_new_tokens).tolist() for ask in asks
        ]
        stops = torch.tensor(sorted(decoder.stop_ids), device=decoder.device)
        cache = DynamicCache(config=decoder.model.config)
        step, position = decoder.embed(table, [ask.states for ask in asks]), positions
        chosen: list[Tensor] = []
        ended = torch.zeros(len(asks), dtype=torch.bool, device=decoder.device)
        recording: contextlib.AbstractContextManager[list[Tensor]] = contextlib.nullcontext([])
        if self.keep_states:
            recording = _recording(decoder.model)
        with recording as recorded:
            while len(chosen) < self.max_new_tokens and not bool(ended.all()):
                logits = decoder.forward(step, mask, position, cache)
                token = self._choose(logits, [draw[len(chosen)] for draw in draws])
                chosen.append(token)
                ended = ended | torch.isin(token, stops)
                mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
                position = position[:, -1:] + 1
                step = decoder.model.embed_tokens(token[:, None])
        return [
            self._written(number, row.tolist(), recorded)
            for number, row in enumerate(torch.stack(chosen, dim=1))
        ]

    def _written(self, number: int, tokens: list[int], recorded: Sequence[Tensor]) -> Written:
        """Return a row's text up to the token that ends it, with the states behind its tokens."""
        stop = next((i for i, token in enumerate(tokens) if token in self.decoder.stop_ids), None)
        text = self.decoder.text_of(tokens[:stop])
        used = len(tokens) if stop is None else stop + 1
        states = torch.stack([step[number] for step in recorded[:used]]).cpu() if recorded else None
        return Written(text.strip(), used - (stop is not None), stop is not None, states)

    def _choose(self, logits: Tensor, draws: Sequence[float]) -> Tensor:
        """Return the next token of every row: the likeliest, or the one a row's own draw falls on."""
        if self.temperature == 0:
            return logits.argmax(-1)
        share, order = (logits.float() / self.temperature).softmax(-1).sort(-1, descending=True)
        before = share.cumsum(-1) - share
        share = share.masked_fill(before >= self.top_p, 0.0)
        level = torch.tensor(draws, device=logits.device)[:, None] * share.sum(-1, keepdim=True)
        place = (share.cumsum(-1) <= level).sum(-1, keepdim=True).clamp(max=share.shape[-1] - 1)
        return order.gather(-1, torch.minimum(place, (share > 0).sum(-1, keepdim=True) - 1))[:, 0]


@contextlib.contextmanager
def _recording(model: Any) -> Iterator[list[Tensor]]:
    """Collect, from every forward, the last position's states: input, every layer, after the norm."""
    steps: list[Tensor] = []
    current: list[Tensor] = []

    def enter(_module: Any, inputs: Any) -> None:
        current[:] = [inputs[0][:, -1]]

    def layer(_module: Any, _inputs: Any, output: Any) -> None:
        current.append((output[0] if isinstance(output, tuple) else output)[:, -1])

    def leave(_module: Any, _inputs: Any, output: Tensor) -> None:
        steps.append(torch.stack([*current, output[:, -1]], dim=1))

    hooks = [model.layers[0].register_forward_pre_hook(enter), model.norm.register_forward_hook(leave)]
    hooks += [module.register_forward_hook(layer) for module in model.layers[:-1]]
    try:
        yield steps
    finally:
        for hook in hooks:
            hook.remove()
