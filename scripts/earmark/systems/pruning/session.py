"""A loaded model that answers cells: each has its seat, its place on disk and its way through the batches."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from earmark.core.files import Json
from earmark.core.jsonl import read_jsonl
from earmark.core.timing import MemoryWatch
from earmark.models.features import States
from earmark.reduction.contract import Method
from earmark.systems.pruning import runner
from earmark.systems.pruning.answers import Answered
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.plan import Row
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.samples import Sample
from earmark.systems.pruning.workplace import Workplace


@dataclass
class Seat:
    """A cell that is answered: its place and its rows."""

    cell: Cell
    place: Workplace
    reducer: Method
    track: runner.Track

    @classmethod
    def take(cls, cell: Cell, place: Workplace, held: contextlib.ExitStack) -> Seat:
        """Open a cell's place, with the rows that an earlier run left there."""
        place.clear()
        done = read_jsonl(place.journal, torn=True) if place.journal.exists() else []
        method = cell.method
        reduction = Reduction.of(method, cell.run.seed, method.keep_ratio, method.keep_tokens)
        journal = held.enter_context(runner.open_journal(place.journal))
        rows = {row["clip_id"]: Answered(**row) for row in done}
        return cls(cell, place, reduction.reducer, runner.Track(reduction, rows, journal))


@dataclass(frozen=True)
class Session:
    """A decoder and the features it reads; ``system`` and ``max_new_tokens`` are the task's."""

    decoder: Any
    store: States
    samples: Sequence[Sample]
    system: str | None
    max_new_tokens: int

    def answer(
        self, seats: Sequence[Seat], batches: list[list[Row]], warm_up: int, memory: MemoryWatch
    ) -> None:
        """Answer for every seat what it has not answered yet, batch by batch side by side."""
        loop = runner.Loop(self.decoder, self.store, self.samples, self.system, self.max_new_tokens)
        tracks = [seat.track for seat in seats]

        def to_row(sample: Sample, answers: Sequence[runner.Answer | str]) -> Answered:
            return answered(sample, self.system, answers)

        runner.evaluate(loop, batches, tracks, warm_up, to_row, memory)

    def rows(self, seat: Seat) -> list[Json]:
        """Return all rows of a seat in the samples' order, those that could not be asked among them."""
        found = seat.track.rows
        return [
            asdict(failed(s, self.system, s.failure) if s.failure else found[s.clip_id]) for s in self.samples
        ]


def answered(sample: Sample, system: str | None, answers: Sequence[runner.Answer | str]) -> Answered:
    """Return the row of a sample from the answers to its windows.

    A window without an answer fails the sample, since the rest isn't the whole clip.
    """
    given = [answer for answer in answers if not isinstance(answer, str)]
    if len(given) < len(answers):
        return failed(sample, system, next(answer for answer in answers if isinstance(answer, str)))
    stages = ("select", "prefill", "decode")
    return Answered(
        reason=None,
        answer=[answer.text for answer in given],
        tokens_before=sum(answer.tokens_before for answer in given),
        tokens_after=sum(answer.tokens_after for answer in given),
        tokens_merged=sum(answer.tokens_merged for answer in given),
        share_of_layers=_mean_share(given),
        tokens_generated=sum(answer.tokens_generated for answer in given),
        cache_bytes=max(answer.cache_bytes for answer in given),
        batch_rows=max(answer.batch_rows for answer in given),
        seconds=dict(sample.prepared) | {s: sum(answer.seconds[s] for answer in given) for s in stages},
        **_known(sample, system),
    )


def _mean_share(answers: Sequence[runner.Answer]) -> float:
    """Return the share of the audio tokens that layers saw, over all windows."""
    tokens = sum(answer.tokens_before for answer in answers)
    seen = sum(answer.share_of_layers * answer.tokens_before for answer in answers)
    return seen / tokens if tokens else 1.0


def failed(sample: Sample, system: str | None, reason: str) -> Answered:
    """Return the row of a sample that gave no answer."""
    return Answered(reason=reason, answer=[], **_known(sample, system))


def _known(sample: Sample, system: str | None) -> Json:
    """Return what is known of a sample before it is answered."""
    return {
        "clip_id": sample.clip_id,
        "prompt": hashlib.sha256(f"{system}\0{sample.question.prompt}".encode()).hexdigest()[:16],
        "group": sample.group,
        "truth": sample.label,
        "options": list(sample.question.options),
        "duration_s": sample.duration_s,
        "truncated": sample.truncated,
        "windows": len(sample.windows),
    }
