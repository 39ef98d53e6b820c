"""The prefill's time with every method of a grid, beside the unpruned one, on a task's own prompts.

Clips are joined until a prompt is long enough, since what choosing costs and what the prefill saves both
grow with the length. Of each prompt all reduced prefills run in a drawn order, with an unpruned one before
and behind every few of them, and what counts is the ratio to the mean of these two: whatever else a machine
does then slows both sides.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle
from statistics import fmean, median

import torch

from earmark.core import devices, provenance
from earmark.core.errors import UserError
from earmark.core.progress import tqdm
from earmark.core.seeding import generator
from earmark.models.checkpoint import Checkpoint
from earmark.models.families import family
from earmark.models.features import States
from earmark.reduction.contract import Reducer
from earmark.reduction.loader import load
from earmark.systems.pruning.asked import Method, Speeds
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.heard import Source
from earmark.systems.pruning.inputs import Inputs
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.runner import Decoder
from earmark.systems.pruning.samples import Sample
from earmark.systems.pruning.speed_record import Speed, SpeedRecord
from earmark.systems.pruning.stopwatch import Clock, Pair, Stopwatch, Timed, by_processor

BETWEEN = 4
"""Reduced prefills between two unpruned ones of the same prompt."""


def run(asked: Speeds, source: Source, checkpoint: Checkpoint, code: str, threads: int) -> SpeedRecord:
    """Time every method at every ratio.

    Raises:
        UserError: settings that don't fit, damaged inputs, or a task without a clip.

    """
    cell = Cell(asked.cell.task, asked.cell.model, asked.cell.method, asked.cell.run, code)
    model, kind = cell.model, family(cell.model.kind)
    device = devices.prepare(cell.run.device, threads)
    audio, per_token = kind.hears(model.projector), kind.stored_per_token(model.projector)
    with contextlib.ExitStack() as held:
        heard = source.open(held, per_token, device)
        cell = cell.bounded(audio.window_s)
        samples = Inputs.of(cell, heard.read, audio, source.folder).samples
        decoder = kind.decoder(checkpoint, str(device), model.dtype, model.attention, load=model.load)
        tokens = audio.tokens(min(asked.audio_s, cell.model.max_audio_s))
        scores = sorted({name for method in asked.methods for name in _needs(method)})
        joined = _joined(decoder, heard.store, samples, cell.task.prompt.system, tokens, scores)
        prompts = [next(joined) for _ in range(asked.prompts)]
    on_processor = by_processor(device)
    pairs = _measure(prompts, asked, cell.run.seed, on_processor)
    clock: Clock = partial(Timed.by, processor=on_processor)
    whole = median(pair.whole(clock) for found in pairs.values() for pair in found)
    return SpeedRecord(
        model=model.name,
        task=cell.task.name,
        clock="processor" if on_processor else "wall",
        device=devices.describe(device),
        dtype=model.dtype,
        attention=model.attention,
        threads=threads,
        prompts=len(prompts),
        audio_tokens=tokens,
        prompt_tokens=fmean(prompt.ids.shape[1] for prompt in prompts),
        base_s=whole,
        points=[
            _speed(method, ratio, pairs[method.name, ratio], clock, whole)
            for method in asked.methods
            for ratio in asked.ratios
        ],
        provenance=provenance.record(code) | {"config": asked.plain(), "model": checkpoint.record},
    )


def _needs(method: Method) -> tuple[str, ...]:
    """Return the scores of the encoder that a method reads."""
    reducer = load(method.reducer, method.options)
    return reducer.needs_encoder if isinstance(reducer, Reducer) else ()


def _joined(
    decoder: Decoder,
    store: States,
    samples: Sequence[Sample],
    system: str | None,
    tokens: int,
    scores: Sequence[str],
) -> Iterator[Stopwatch]:
    """Yield prompts of ``tokens`` audio tokens without end, joined from one clip after the other.

    Each asks what its last clip is asked; behind the last clip the first follows.
    """
    parts = [
        (sample, start, end) for sample in samples if not sample.failure for start, end in sample.windows
    ]
    if not parts:
        raise UserError("speeds: the task has no clip to join prompts of; see data/<task>/audit.html")
    taken: list[tuple[str, int, int]] = []
    length = 0
    for sample, start, end in cycle(parts):
        stretch = sample.key, start, min(end, start + tokens - length)
        taken.append(stretch)
        length += stretch[2] - start
        if length == tokens:
            states = torch.cat([decoder.project(store.states(*each)) for each in taken])
            told = {
                name: torch.cat([store.scores(key, name, *ends) for key, *ends in taken]) for name in scores
            }
            yield Stopwatch(decoder, decoder.prompt_ids(sample.question.prompt, system, tokens), states, told)
            taken, length = [], 0


def _measure(
    prompts: Sequence[Stopwatch], asked: Speeds, seed: int, on_processor: bool
) -> dict[tuple[str, float], list[Pair]]:
    """Return a pair of every prompt for each method and ratio."""
    reductions = {
        (m.name, ratio): Reduction.of(m, seed, ratio) for m in asked.methods for ratio in asked.ratios
    }
    prompts[0].warm_up([reductions[method.name, asked.ratios[0]] for method in asked.methods])
    pairs: dict[tuple[str, float], list[Pair]] = {key: [] for key in reductions}
    keys, drawn = list(reductions), generator(seed, "speeds")
    with tqdm(total=len(prompts) * len(keys), desc="prefills", unit="prefill") as bar:
        for prompt in prompts:
            order = [keys[number] for number in drawn.permutation(len(keys))]
            rounds = [order[start : start + BETWEEN] for start in range(0, len(order), BETWEEN)]
            few = ({key: reductions[key] for key in each} for each in rounds)
            for key, pair in prompt.pairs(few, on_processor):
                pairs[key].append(pair)
                bar.update()
    return pairs


def _speed(method: Method, ratio: float, pairs: Sequence[Pair], clock: Clock, whole: float) -> Speed:
    """Return what the pairs of one method and ratio say."""
    speedups = [pair.speedup(clock) for pair in pairs]
    reduced = [pair.reduced for pair in pairs]
    return Speed(
        method=method.name,
        ratio=ratio,
        tokens_kept=fmean(each.kept for each in reduced),
        seconds=median(clock(each) for each in reduced),
        speedup=median(speedups),
        low=min(speedups),
        high=max(speedups),
        choosing=median(each.select_s + each.gather_s for each in reduced) / whole,
    )
