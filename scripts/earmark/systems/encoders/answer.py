"""What a trained model answers to the clips of one data set: written first, scored later.

Every clip is asked once, whatever the number of its texts. Rows are appended as they are made: an interrupted
job goes on behind the last one.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.files import Json, write_json
from earmark.core.jsonl import read_jsonl, write_jsonl
from earmark.core.progress import tqdm
from earmark.core.seeding import generator
from earmark.models.adapter import adapter_of
from earmark.models.checkpoint import Checkpoint
from earmark.models.projector import Projector
from earmark.scoring.record import Failure, check_budget
from earmark.systems.encoders import material, normal
from earmark.systems.encoders.asked import AnswerJob
from earmark.systems.encoders.generate import Ask, Written, likelihoods, write
from earmark.systems.encoders.order import Clip
from earmark.systems.encoders.origin import together
from earmark.systems.encoders.reading import projector_of
from earmark.systems.encoders.speaker import Speaker
from earmark.systems.encoders.store import Features

TOKENS_TOGETHER = 8192
"""Of a batch, padding included."""
RANKED = "mAP"
"""The metric whose labels are ranked by how likely the model finds them, too."""


@dataclass(frozen=True)
class Answer:
    """A clip, everything that would be right, and what was said."""

    id: str
    """Shard and key of the clip."""
    references: list[str]
    answer: str
    tokens: int
    ended: bool
    seconds: float
    likelihoods: dict[str, float] | None = None


def run(
    asked: AnswerJob,
    features: Path,
    checkpoint: Path,
    output: Path,
    work: Path,
    code: str,
    threads: int,
) -> None:
    """Ask every clip of a data set; write its rows (JSONL) and, at the end, the record beside them.

    Raises:
        UserError: features are damaged, or more clips than allowed can't be used.

    """
    device = devices.prepare(asked.device, threads)
    found = material.read(features, asked.shards, asked.key)
    where = f"data set '{asked.dataset}'"
    check_budget(
        found.failures, found.total, asked.max_failed_share, where,
        what="clips", key="the suite's max_failed_share allows",
    )  # fmt: skip
    if not found.clips:
        raise UserError(f"{where}: no test clip that can be used; see the logs of its features")
    made = Checkpoint.read(checkpoint)
    part = made.part("decoder")
    speaker = Speaker(replace(part, changes=adapter_of(made, part)), str(device))
    asking = Asking(speaker, projector_of(made.folder).to(device), Features(features), asked, found.clips)
    training, shards = _trained(made.folder)
    started = time.perf_counter()
    said = hashlib.sha256(
        json.dumps([asked.plain(), made.digest, sorted(found.encoders), code], sort_keys=True).encode()
    ).hexdigest()
    rows = list(_resumed(work, said, asking))
    rows.sort(key=lambda row: row.id)
    write_jsonl(output.with_suffix(".jsonl"), [asdict(row) for row in rows])
    write_json(
        output,
        {
            **asked.chosen("encoder", "suite", "dataset"),
            "checkpoint": made.digest,
            "encoders": sorted(found.encoders),
            "counts": {"total": found.total, "answered": len(rows), "dropped_texts": found.dropped},
            "failures": [asdict(each) for each in found.failures],
            "shards": {"test": asdict(together(found.origins)), **shards},
            "training": training,
            "device": devices.describe(device),
            "threads": threads,
            "seconds": time.perf_counter() - started,
        },
    )
    work.unlink(missing_ok=True)
    print(f"{where}: {len(rows)} clips answered, {len(found.failures)} unusable", flush=True)


def _trained(folder: Path) -> tuple[Json, Json]:
    """Return how the training of a checkpoint went, and the shards of its data sets.

    Raises:
        UserError: its file is gone or damaged.

    """
    path = folder / "training.json"
    try:
        written = json.loads(path.read_text())
        [stage] = written["stages"]
        shards = {f"train {name}": each["shards"] for name, each in written["data"].items()}
        return {key: stage[key] for key in ("steps", "seconds", "cpu_seconds", "loss", "curve")}, shards
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); train the model again") from None


class Asking:
    """The clips that are asked, in batches of like length."""

    def __init__(
        self,
        speaker: Speaker,
        projector: Projector,
        features: Features,
        asked: AnswerJob,
        clips: Sequence[Clip],
    ) -> None:
        self._speaker, self._projector, self._features = speaker, projector, features
        self._prompts = asked.prompts
        self._most = asked.batch_size
        self.clips = sorted(clips, key=lambda clip: (-clip.seconds, clip.shard, clip.key))
        separator = asked.metric_args.separator
        known = {
            label
            for clip in clips
            for text in clip.texts
            for label in normal.labels(text, separator)
            if asked.metric == RANKED
        }
        self._labels = {label: speaker.ids(label) for label in sorted(known) if speaker.ids(label)}

    def answers(self, done: set[str]) -> Iterator[Answer]:
        """Yield the answers to the clips that are not done."""
        waiting: list[tuple[Clip, Ask]] = []
        for clip in (clip for clip in self.clips if name_of(clip) not in done):
            ask = self._ask(clip)
            longest = max(ask.length, *(each.length for _, each in waiting), 1)
            if waiting and (len(waiting) == self._most or longest * (len(waiting) + 1) > TOKENS_TOGETHER):
                yield from self._batch(waiting)
                waiting = []
            waiting.append((clip, ask))
        if waiting:
            yield from self._batch(waiting)

    def _ask(self, clip: Clip) -> Ask:
        stored: Tensor = self._features.of(clip.shard, clip.key).to(self._speaker.language.device)
        place = 0
        if len(self._prompts) > 1:
            place = int(generator(0, "prompt", name_of(clip)).integers(len(self._prompts)))
        return Ask(self._projector(stored).detach(), self._speaker.ids(self._prompts[place]))

    def _batch(self, waiting: Sequence[tuple[Clip, Ask]]) -> Iterator[Answer]:
        started = time.perf_counter()
        written = write(self._speaker, [ask for _, ask in waiting])
        spent = (time.perf_counter() - started) / len(waiting)
        for (clip, ask), each in zip(waiting, written, strict=True):
            yield self._answer(clip, ask, each, spent)

    def _answer(self, clip: Clip, ask: Ask, written: Written, spent: float) -> Answer:
        ranked = None
        if self._labels:
            found = likelihoods(self._speaker, ask, list(self._labels.values()))
            ranked = dict(zip(self._labels, found, strict=True))
        return Answer(
            name_of(clip), list(clip.texts), written.text, written.tokens, written.ended, spent, ranked
        )


def name_of(clip: Clip) -> str:
    """Return what names a clip: its shard and its key there."""
    return f"{clip.shard}/{clip.key}"


def _resumed(work: Path, said: str, asking: Asking) -> Iterator[Answer]:
    """Yield every answer, those of an interrupted job first; ``said`` is what the answers depend on."""
    done: list[Answer] = []
    if work.is_file():
        head, *lines = work.read_text().split("\n")
        if head == said:
            # what a kill cut off has no end of line
            done = [Answer(**json.loads(line)) for line in lines[:-1]]
    yield from done
    work.parent.mkdir(parents=True, exist_ok=True)
    with work.open("w") as stream:
        stream.write(said + "\n")
        stream.writelines(json.dumps(asdict(each)) + "\n" for each in done)
        stream.flush()
        with tqdm(total=len(asking.clips), initial=len(done), desc="answering", unit="clip") as bar:
            for each in asking.answers({each.id for each in done}):
                stream.write(json.dumps(asdict(each)) + "\n")
                stream.flush()
                bar.update()
                yield each


def digest(answers: Sequence[Answer]) -> str:
    """Return the SHA-256 of what was answered, whatever the time it took."""
    said = [asdict(replace(each, seconds=0.0)) for each in answers]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read(path: Path) -> tuple[Json, list[Answer], list[Failure]]:
    """Return the record of some answers, the answers, and the clips that gave none; UserError if damaged."""
    try:
        record = json.loads(path.read_text())
        rows = [Answer(**row) for row in read_jsonl(path.with_suffix(".jsonl"))]
        failed = [Failure(**each) for each in record["failures"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path} or its rows are damaged ({error}); delete it to have them made again"
        ) from None
    return record, rows, failed
