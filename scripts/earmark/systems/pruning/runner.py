"""The evaluation loop: one pass per sample, timed inside, resumable after any kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol, TextIO

import torch
from torch import Tensor
from transformers import DynamicCache

from earmark.core.devices import is_out_of_memory
from earmark.core.progress import tqdm
from earmark.core.timing import MemoryWatch, Peak, StageClock
from earmark.models.features import States
from earmark.reduction.contract import Method, Reducer
from earmark.reduction.record import RowRecord
from earmark.systems.pruning.answers import Answered
from earmark.systems.pruning.plan import Row
from earmark.systems.pruning.prefix import Prefix, shared
from earmark.systems.pruning.prompts import Prompts
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.samples import Sample

MOST_SHARED_LAYERS = 8
"""Layers of a batch that are kept for other methods at most: they take memory."""


class Decoder(Protocol):
    """What the loop needs of a model family's language model."""

    model: Any
    device: torch.device
    audio_id: int
    pad_id: int
    stop_ids: frozenset[int]

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of one turn."""

    def text_of(self, ids: Sequence[int]) -> str:
        """Return the text that token ids stand for, without special tokens."""

    def project(self, stored: Tensor) -> Tensor:
        """Return a feature file's states as audio tokens [tokens, width]."""

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width] with audio states in their slots."""

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Return logits of the last position, [rows, vocabulary]."""


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
    tokens_merged: int = 0
    """Tokens that live on in another one's state."""
    share_of_layers: float = 1.0
    """Share of the audio tokens that a layer saw, mean over all layers."""


@dataclass
class Track:
    """One method's way through the batches: its rows by clip id, on disk as soon as they are made."""

    reduction: Reduction
    rows: dict[str, Answered]
    journal: TextIO
    halved: int = field(default=0, init=False)
    """How often a batch did not fit into memory."""
    peak: Peak = field(default=Peak(0, 0), init=False)


@dataclass(frozen=True)
class Loop:
    """Runs batches of the same questions with one method or several."""

    decoder: Decoder
    store: States
    samples: Sequence[Sample]
    system: str | None
    max_new_tokens: int

    def run(
        self, batch: list[Row], track: Track, prefix: Prefix | None = None, prompts: Prompts | None = None
    ) -> list[Answer | str]:
        """Answer a batch; halve it as often as memory asks; a row alone that doesn't fit is a failure.

        What several tracks ask of a batch is the same: ``prefix`` and ``prompts`` are what they share of it.
        """
        try:
            return list(self._answer(batch, track.reduction, prefix, prompts or Prompts(self, batch)))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback would keep the failed batch's tensors alive.
        if self.decoder.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return ["out of memory"]
        track.halved += 1
        middle = len(batch) // 2
        return self.run(batch[:middle], track) + self.run(batch[middle:], track)

    @torch.inference_mode()
    def _answer(
        self, batch: list[Row], reduction: Reduction, prefix: Prefix | None, prompts: Prompts
    ) -> Iterator[Answer]:
        """Prefill and decode one batch greedily; rows are padded on the left."""
        decoder, samples = self.decoder, self.samples
        table, mask, positions = prompts.table, prompts.mask, prompts.positions
        clock = StageClock(decoder.device)
        cache = DynamicCache(config=decoder.model.config)
        with reduction.on(decoder.model) as hooks:
            if hooks is not None:
                hooks.expect(
                    audio_mask=table == decoder.audio_id,
                    sample_ids=[samples[row.sample].clip_id for row in batch],
                    encoder=self._scores(batch, reduction.reducer),
                    question=self._question(table),
                )
            embeddings = prompts.embeddings
            shared_s, sharing = shared(prefix, decoder.model, cache, reduction.depth)
            with sharing, clock.stage("prefill"):
                token = decoder.forward(embeddings, mask, positions, cache).argmax(-1)
            records = None if hooks is None else list(hooks.records)
            cached = [
                _cache_bytes(cache, len(row), record)
                for row, record in zip(prompts.ids, records or repeat(None))
            ]
            with clock.stage("decode"):
                generated = self._decode(token, mask, positions[:, -1:], cache)
        selection = records[0].selection_s if records else 0.0
        share = {
            "select": selection / len(batch),
            "prefill": (shared_s + clock.seconds["prefill"]) / len(batch),
            "decode": clock.seconds["decode"] / len(batch),
        }
        for number, row in enumerate(batch):
            tokens = _until_stop(generated[number].tolist(), decoder.stop_ids)
            yield Answer(
                text=decoder.text_of(tokens),
                tokens_before=row.tokens if records is None else records[number].tokens_before,
                tokens_after=row.tokens if records is None else records[number].tokens_after,
                tokens_merged=0 if records is None else records[number].tokens_merged,
                share_of_layers=1.0 if records is None else records[number].share_of_layers,
                tokens_generated=len(tokens),
                cache_bytes=cached[number],
                batch_rows=len(batch),
                seconds=share,
            )

    def _scores(self, batch: list[Row], method: Method) -> dict[str, list[Tensor]]:
        """Return what the method needs of the encoder, by name, for each row."""
        names = method.needs_encoder if isinstance(method, Reducer) else ()
        return {
            name: [
                self.store.scores(
                    self.samples[row.sample].key, name, *self.samples[row.sample].windows[row.window]
                )
                for row in batch
            ]
            for name in names
        }

    def _question(self, table: Tensor) -> Tensor:
        """Return which tokens [rows, length] may ask something: not those that end a turn, nor padding."""
        decoder = self.decoder
        marks = [decoder.pad_id, decoder.audio_id, *decoder.stop_ids]
        return ~torch.isin(table, torch.tensor(marks, device=table.device))

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
        gone = 0 if record is None else record.tokens_before - record.tokens_at(number)
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
    tracks: Sequence[Track],
    warm_up: int,
    to_row: Callable[[Sample, list[Answer | str]], Answered],
    memory: MemoryWatch,
) -> None:
    """Run, for every track, every batch that holds a sample it has not finished.

    All tracks pass a batch before the next begins, so that they can share its first layers.
    ``to_row`` makes the per-sample row once all windows are answered. Each row is on disk before the
    next batch starts, so a kill loses at most one batch of each track.
    """
    # Deepest first: it computes the layers that the others can share.
    deepest = len(loop.decoder.model.layers)
    order = sorted(tracks, key=lambda t: deepest if (d := t.reduction.depth) is None else d, reverse=True)
    todo = [
        [t for t in order if any(loop.samples[r.sample].clip_id not in t.rows for r in batch)]
        for batch in batches
    ]
    waiting_tracks = list({id(t): t for waiting in todo for t in waiting}.values())
    if warm_up and waiting_tracks:
        with tqdm(total=warm_up * len(waiting_tracks), desc="warming up", unit="row") as bar:
            for track in waiting_tracks:
                first = next(b for b, waiting in zip(batches, todo, strict=True) if track in waiting)
                for _ in range(warm_up):
                    loop.run(first[:1], track)
                    bar.update()
    partial: list[dict[int, dict[int, Answer | str]]] = [{} for _ in order]
    total = len(order) * sum(map(len, batches))
    left = sum(len(batch) * len(waiting) for batch, waiting in zip(batches, todo, strict=True))
    with tqdm(total=total, initial=total - left, unit="row") as bar:
        for batch, waiting in zip(batches, todo, strict=True):
            prefix = prefix_for([t.reduction.depth for t in waiting], loop.decoder)
            prompts = Prompts(loop, batch) if waiting else None
            for track in waiting:
                memory.lap()
                answers = loop.run(batch, track, prefix, prompts)
                track.peak = track.peak.max(memory.lap())
                _keep(loop, track, partial[order.index(track)], batch, answers, to_row)
                bar.update(len(batch))


def prefix_for(depths: Sequence[int | None], decoder: Decoder) -> Prefix | None:
    """Return a place for the layers that several runs of a batch share, if there are any."""
    shallow = [depth for depth in depths if depth is not None]
    depth = min(max(shallow, default=0), MOST_SHARED_LAYERS)
    return Prefix(depth, decoder.device) if depth and len(depths) > 1 else None


def _keep(
    loop: Loop,
    track: Track,
    partial: dict[int, dict[int, Answer | str]],
    batch: list[Row],
    answers: Sequence[Answer | str],
    to_row: Callable[[Sample, list[Answer | str]], Answered],
) -> None:
    """Sort answers to their samples; write the rows of those that are complete."""
    for row, answer in zip(batch, answers, strict=True):
        partial.setdefault(row.sample, {})[row.window] = answer
    for number in list(partial):
        sample = loop.samples[number]
        if len(partial[number]) == len(sample.windows):
            given = partial.pop(number)
            if sample.clip_id not in track.rows:
                row_ = to_row(sample, [given[w] for w in range(len(sample.windows))])
                track.rows[sample.clip_id] = row_
                track.journal.write(json.dumps(asdict(row_), ensure_ascii=False) + "\n")
    track.journal.flush()
    os.fsync(track.journal.fileno())


def open_journal(path: Path) -> TextIO:
    """Open the journal of finished rows for appending, its torn last line removed."""
    if path.exists():
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            path.write_bytes(whole)
    return path.open("a")
