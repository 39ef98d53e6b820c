"""One prompt's prefill over and over, with and without reduction, on two clocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from transformers import DynamicCache

from earmark.core.timing import synchronise
from earmark.reduction.loader import load
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.runner import Decoder

Key = TypeVar("Key", bound=Hashable)

UNPRUNED = Reduction(load("base"), None, None, 0, 0, False)
PROMPT = "What is heard?\nA. x\nB. x\nC. x\nD. x\nAnswer with the letter only."


class Timed(NamedTuple):
    """One prefill."""

    seconds: float
    processor_s: float
    """Of the process, all threads: what a busy machine disturbs least where one thread computes."""
    select_s: float
    """Choosing, within ``seconds``."""
    gather_s: float
    """Dropping and merging, within ``seconds``."""
    kept: int
    audio: tuple[int, ...]
    """Audio tokens that each layer saw."""

    def by(self, processor: bool) -> float:
        """Return its seconds by the processor's clock, or the wall's."""
        return self.processor_s if processor else self.seconds


Clock = Callable[[Timed], float]


class Pair(NamedTuple):
    """A reduced prefill, and the unpruned ones before and behind it."""

    reduced: Timed
    around: tuple[Timed, Timed]

    def whole(self, clock: Clock) -> float:
        """Return the mean seconds of the unpruned ones."""
        return fmean(map(clock, self.around))

    def speedup(self, clock: Clock) -> float:
        """Return (time unpruned / time reduced)."""
        return self.whole(clock) / clock(self.reduced)


def by_processor(device: torch.device) -> bool:
    """Whether processor time is what to go by: where one thread computes, other work disturbs it least."""
    return device.type == "cpu" and torch.get_num_threads() == 1


class Stopwatch:
    """A prompt ready to be prefilled; ``encoder`` are the encoder's scores of its audio tokens, by name."""

    def __init__(
        self,
        decoder: Decoder,
        ids: Sequence[int],
        states: Tensor,
        encoder: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.decoder = decoder
        self.ids = torch.tensor([ids], device=decoder.device)
        self.mask = torch.ones_like(self.ids)
        self.positions = torch.arange(len(ids), device=decoder.device)[None]
        self.embeddings: Tensor = decoder.embed(self.ids, [states])
        self.encoder = {name: [score] for name, score in (encoder or {}).items()}

    @classmethod
    def of_noise(cls, decoder: Decoder, audio_tokens: int, seed: int) -> Stopwatch:
        """Return one over a question about noise."""
        width = decoder.model.config.hidden_size
        states = torch.randn(audio_tokens, width, generator=torch.Generator().manual_seed(seed)) * 0.1
        return cls(decoder, decoder.prompt_ids(PROMPT, None, audio_tokens), states)

    def warm_up(self, reductions: Iterable[Reduction]) -> None:
        """Prefill once with each and with none: the first run of a method brings its code in."""
        for reduction in (UNPRUNED, *reductions):
            self.once(reduction)

    def pairs(
        self, rounds: Iterable[Mapping[Key, Reduction]], on_processor: bool = False
    ) -> Iterator[tuple[Key, Pair]]:
        """Yield the reduced prefills of every round, with the unpruned ones before and behind the round."""
        before = self.once(UNPRUNED)
        for reductions in rounds:
            reduced = {key: self.once(each, on_processor) for key, each in reductions.items()}
            behind = self.once(UNPRUNED)
            for key, run in reduced.items():
                yield key, Pair(run, (before, behind))
            before = behind

    @torch.inference_mode()
    def once(self, reduction: Reduction, on_processor: bool = False) -> Timed:
        """Prefill once into a new cache; choosing is timed by the wall clock or ``on_processor``."""
        decoder, layers = self.decoder, len(self.decoder.model.layers)
        cache = DynamicCache(config=decoder.model.config)
        with reduction.on(decoder.model) as hooks:
            if hooks is not None:
                hooks.clock = time.process_time if on_processor else time.perf_counter
                hooks.expect(self.ids == decoder.audio_id, ["timed"], self.encoder)
            synchronise(decoder.device)
            start, work = time.perf_counter(), time.process_time()
            decoder.forward(self.embeddings, self.mask, self.positions, cache)
            synchronise(decoder.device)
            spent = time.perf_counter() - start, time.process_time() - work
            if hooks is None:
                audio = int((self.ids == decoder.audio_id).sum())
                return Timed(*spent, 0.0, 0.0, audio, (audio,) * layers)
            record = hooks.records[0]
            seen = tuple(record.tokens_at(number) for number in range(layers))
            return Timed(*spent, record.selection_s, record.gather_s, record.tokens_after, seen)
