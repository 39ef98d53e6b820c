"""The evaluation loop: one pass per sample, timed inside, resumable after any kill."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol, TextIO

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import DynamicCache

from earmark.compression.hooks import CacheCompression
from earmark.device import is_out_of_memory
from earmark.evaluation.plan import Row, Sample
from earmark.features import FeatureStore
from earmark.padding import left_padded
from earmark.reduction.context import PrefillContext
from earmark.reduction.contract import Method
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.selection import RowRecord
from earmark.timing import StageClock


class Decoder(Protocol):
    """What the loop needs of a model family's language model."""

    model: Any
    device: torch.device
    tokenizer: Any
    audio_id: int
    pad_id: int
    stop_ids: frozenset[int]

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of one turn."""

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width] with audio states in their slots."""

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Return logits of the last position, [rows, vocabulary]."""


@dataclass(frozen=True)
class Reduction:
    """Which method runs, with what budget, before which layer."""

    reducer: Method
    keep_ratio: float | None
    keep_tokens: int | None
    layer: int
    seed: int
    reference: bool

    def on(self, model: Any) -> contextlib.AbstractContextManager[PrefillContext[Any] | None]:
        """Return the hooks, or nothing at all for a method that keeps everything."""
        if self.reducer.keeps_all:
            return contextlib.nullcontext()
        shared: dict[str, Any] = {
            "keep_ratio": self.keep_ratio,
            "keep_tokens": self.keep_tokens,
            "seed": self.seed,
            "reference": self.reference,
        }
        if self.reducer.kind == "cache":
            return CacheCompression(model, self.reducer, **shared)
        return TokenReduction(model, self.reducer, layer=self.layer, **shared)


@dataclass(frozen=True)
class Answer:
    """What one row of a batch gave."""

    text: str
    tokens_before: int
    tokens_after: int
    tokens_generated: int
    cache_bytes: int
    """Of the row's own entries once the prompt was read, padding left out."""
    batch_rows: int
    seconds: dict[str, float]


@dataclass
class Loop:
    """Runs batches; ``halved`` counts how often one did not fit into memory."""

    decoder: Decoder
    store: FeatureStore
    samples: Sequence[Sample]
    system: str | None
    reduction: Reduction
    max_new_tokens: int
    halved: int = field(default=0, init=False)

    def run(self, batch: list[Row]) -> list[Answer | str]:
        """Answer a batch; halve it as often as memory asks; a row alone that doesn't fit is a failure."""
        try:
            return list(self._answer(batch))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback would keep the failed batch's tensors alive.
        if self.decoder.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return ["out of memory"]
        self.halved += 1
        middle = len(batch) // 2
        return self.run(batch[:middle]) + self.run(batch[middle:])

    @torch.inference_mode()
    def _answer(self, batch: list[Row]) -> Iterator[Answer]:
        """Prefill and decode one batch greedily; rows are padded on the left."""
        decoder, samples = self.decoder, self.samples
        ids = [
            decoder.prompt_ids(samples[row.sample].question.prompt, self.system, row.tokens) for row in batch
        ]
        table, mask, positions = left_padded(ids, decoder.pad_id, decoder.device)
        states = [
            self.store.states(samples[row.sample].key, *samples[row.sample].windows[row.window])
            for row in batch
        ]
        clock = StageClock(decoder.device)
        cache = DynamicCache(config=decoder.model.config)
        with self.reduction.on(decoder.model) as hooks:
            if hooks is not None:
                hooks.expect(table == decoder.audio_id, [samples[row.sample].clip_id for row in batch])
            embeddings = decoder.embed(table, states)
            with clock.stage("prefill"):
                token = decoder.forward(embeddings, mask, positions, cache).argmax(-1)
            records = None if hooks is None else list(hooks.records)
            cached = [
                _cache_bytes(cache, len(row), record) for row, record in zip(ids, records or repeat(None))
            ]
            with clock.stage("decode"):
                generated = self._decode(token, mask, positions[:, -1:], cache)
        selection = records[0].selection_s if records else 0.0
        share = {
            "select": selection / len(batch),
            "prefill": clock.seconds["prefill"] / len(batch),
            "decode": clock.seconds["decode"] / len(batch),
        }
        for number, row in enumerate(batch):
            tokens = _until_stop(generated[number].tolist(), decoder.stop_ids)
            yield Answer(
                text=decoder.tokenizer.decode(tokens, skip_special_tokens=True),
                tokens_before=row.tokens if records is None else records[number].tokens_before,
                tokens_after=row.tokens if records is None else records[number].tokens_after,
                tokens_generated=len(tokens),
                cache_bytes=cached[number],
                batch_rows=len(batch),
                seconds=share,
            )

    def _decode(self, token: Tensor, mask: Tensor, position: Tensor, cache: Any) -> Tensor:
        """Return the greedy tokens [rows, steps], the first included; stops once all rows have ended."""
        decoder = self.decoder
        stops = torch.tensor(sorted(decoder.stop_ids), device=token.device)
        generated, ended = [token], torch.isin(token, stops)
        while len(generated) < self.max_new_tokens and not bool(ended.all()):
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            position = position + 1
            step = decoder.model.embed_tokens(token[:, None])
            token = decoder.forward(step, mask, position, cache).argmax(-1)
            generated.append(token)
            ended = ended | torch.isin(token, stops)
        return torch.stack(generated, dim=1)


def _cache_bytes(cache: Any, prompt: int, record: RowRecord | None) -> int:
    """Return the bytes of a row's cache entries, whatever rows it shares a batch with."""
    total = 0
    for number, layer in enumerate(cache.layers):
        gone = 0 if record is None or number < record.layer else record.tokens_before - record.tokens_after
        entry = sum(states[0, :, 0].numel() * states.element_size() for states in (layer.keys, layer.values))
        total += (prompt - gone) * entry
    return total


def _until_stop(tokens: list[int], stops: frozenset[int]) -> list[int]:
    """Return the tokens before the first that ends the answer."""
    for number, token in enumerate(tokens):
        if token in stops:
            return tokens[:number]
    return tokens


def evaluate(
    loop: Loop,
    batches: list[list[Row]],
    done: dict[str, dict[str, Any]],
    journal: TextIO,
    warm_up: int,
    to_row: Any,
) -> dict[str, dict[str, Any]]:
    """Run every batch that holds an unfinished sample; return all rows by clip id.

    ``to_row(sample, answers)`` makes the per-sample row once all windows are answered. Each row is
    on disk before the next batch starts, so a kill loses at most one batch.
    """
    rows = dict(done)
    todo = [b for b in batches if any(loop.samples[r.sample].clip_id not in rows for r in b)]
    for _ in range(warm_up if todo else 0):
        loop.run(todo[0][:1])
    partial: dict[int, dict[int, Answer | str]] = {}
    total = sum(len(b) for b in batches)
    with tqdm(total=total, initial=total - sum(map(len, todo)), unit="row", mininterval=1.0) as bar:
        for batch in todo:
            for row, answer in zip(batch, loop.run(batch), strict=True):
                partial.setdefault(row.sample, {})[row.window] = answer
            for number in list(partial):
                sample = loop.samples[number]
                if len(partial[number]) == len(sample.windows):
                    answers = [partial[number][w] for w in range(len(sample.windows))]
                    del partial[number]
                    if sample.clip_id not in rows:
                        rows[sample.clip_id] = to_row(sample, answers)
                        journal.write(json.dumps(rows[sample.clip_id], ensure_ascii=False) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
            bar.update(len(batch))
    return rows


def open_journal(path: Path) -> TextIO:
    """Open the journal of finished rows for appending, its torn last line removed."""
    if path.exists():
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            path.write_bytes(whole)
    return path.open("a")
