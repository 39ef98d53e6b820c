"""What the language model writes about clips: greedy, as upstream generates, and how likely given texts are.

Specification: xares_llm, section 4. A clip's answer does not depend on the batch it is in but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from earmark.systems.encoders.sequences import compact
from earmark.systems.encoders.speaker import Speaker

MOST_TOKENS = 150
PENALTY = 1.05
"""What the score of a token already written is divided by; multiplied, where it is negative."""


@dataclass(frozen=True)
class Ask:
    """A clip's tokens [frames, width] and the ids of what is asked about it."""

    audio: Tensor
    prompt: Sequence[int]

    @property
    def length(self) -> int:
        """Tokens of both."""
        return len(self.audio) + len(self.prompt)


@dataclass(frozen=True)
class Written:
    """What came of it."""

    text: str
    tokens: int
    ended: bool
    """Whether it came to its end before the most tokens were written."""


@dataclass(frozen=True)
class _Read:
    """A batch that was read: its cache, mask, lengths, and the logits of the first token of every row."""

    cache: DynamicCache
    mask: Tensor
    lengths: Tensor
    logits: Tensor


def _read(speaker: Speaker, asks: Sequence[Ask]) -> _Read:
    layout = compact([ask.audio for ask in asks], [ask.prompt for ask in asks], [[]] * len(asks))
    cache = DynamicCache(config=speaker.model.config)
    states = speaker.model(
        inputs_embeds=layout.embeddings(speaker.model.embed_tokens, speaker.language.dtype),
        attention_mask=layout.mask,
        position_ids=layout.positions,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    lengths = layout.mask.sum(1)
    last = states[torch.arange(len(asks), device=states.device), lengths - 1]
    return _Read(cache, layout.mask, lengths, speaker.language.head(last).float())


@torch.inference_mode()
def write(speaker: Speaker, asks: Sequence[Ask], most: int = MOST_TOKENS) -> list[Written]:
    """Return the answer to each ask; rows that have ended leave the batch."""
    read = _read(speaker, asks)
    cache, mask, positions, logits = read.cache, read.mask, read.lengths, read.logits
    rows = list(range(len(asks)))
    said: list[list[int]] = [[] for _ in asks]
    for _ in range(most):
        tokens = _penalised(logits, [said[row] for row in rows]).argmax(-1)
        for row, token in zip(rows, tokens.tolist(), strict=True):
            said[row].append(token)
        alive = (tokens != speaker.end).nonzero()[:, 0]
        if len(alive) < len(rows):
            rows = [rows[i] for i in alive.tolist()]
            cache.batch_select_indices(alive)
            mask, positions, tokens = mask[alive], positions[alive], tokens[alive]
        if not rows:
            break
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        logits = _next(speaker, tokens[:, None], mask, positions[:, None], cache)[:, -1]
        positions = positions + 1
    return [_written(speaker, tokens) for tokens in said]


def _next(speaker: Speaker, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache) -> Tensor:
    """Return logits [rows, tokens, vocabulary] behind some further tokens."""
    states = speaker.model(
        inputs_embeds=speaker.model.embed_tokens(ids),
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    logits: Tensor = speaker.language.head(states).float()
    return logits


def _penalised(logits: Tensor, said: Sequence[Sequence[int]]) -> Tensor:
    """Return scores in which tokens that a row has written already count for less."""
    if not said[0]:
        return logits
    written = torch.tensor([list(row) for row in said], device=logits.device)
    scores = logits.gather(1, written)
    return logits.scatter(1, written, torch.where(scores < 0, scores * PENALTY, scores / PENALTY))


def _written(speaker: Speaker, tokens: list[int]) -> Written:
    ended = bool(tokens) and tokens[-1] == speaker.end
    text = speaker.language.tokenizer.decode(tokens, skip_special_tokens=True).strip()
    return Written(text, len(tokens) - ended, ended)


@torch.inference_mode()
def likelihoods(
    speaker: Speaker, ask: Ask, texts: Sequence[Sequence[int]], together: int = 32
) -> list[float]:
    """Return the log-likelihood of each text, given as ids, as the beginning of an answer."""
    found: list[float] = []
    for first in range(0, len(texts), together):
        chosen = texts[first : first + together]
        read = _read(speaker, [ask])
        read.cache.batch_repeat_interleave(len(chosen))
        longest = max(map(len, chosen))
        ids = torch.zeros(len(chosen), longest, dtype=torch.long, device=read.mask.device)
        there = torch.zeros_like(ids)
        for row, text in enumerate(chosen):
            ids[row, : len(text)] = torch.tensor(list(text), device=ids.device)
            there[row, : len(text)] = 1
        mask = torch.cat([read.mask.expand(len(chosen), -1), there], dim=1)
        positions = read.lengths + torch.arange(longest, device=ids.device)
        logits = _next(speaker, ids, mask, positions.expand(len(chosen), -1), read.cache)
        before = torch.cat([read.logits.expand(len(chosen), -1)[:, None], logits[:, :-1]], dim=1)
        each = before.log_softmax(-1).gather(-1, ids[..., None])[..., 0] * there
        found += each.sum(1).tolist()
    return found
