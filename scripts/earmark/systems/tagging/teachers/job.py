"""One shard through one teacher: audio in, logits in the order of the task's classes out."""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.audio import waveform as audio
from earmark.core.devices import is_out_of_memory
from earmark.core.errors import AudioError, UserError
from earmark.core.files import exclusive, sha256, write_json
from earmark.core.progress import tqdm
from earmark.core.records import FAILED, OK, Clip, iter_manifest
from earmark.data import shards
from earmark.systems.tagging.teachers.asked import LogitsJob
from earmark.systems.tagging.teachers.cache import Rows
from earmark.systems.tagging.teachers.contract import Record, Teacher, Wave
from earmark.systems.tagging.teachers.request import too_low
from earmark.systems.tagging.teachers.store import Row, write

NOT_FINITE = "not finite (the teacher's logits)"


@dataclass
class Shard:
    """A shard's clips on their way to logits.

    ``metadata`` says what made the logits, and stands in both files.
    """

    teacher: Teacher
    record: Record
    asked: LogitsJob
    metadata: dict[str, str]

    def run(self, tar: Path, index: Path, output: Path, work: Path) -> None:
        """Write the logits, their index and the record of the work; the first two are deterministic.

        Rows that an interrupted run left in ``work`` are not computed again.

        Raises:
            UserError: the clips' rate is too low, a value doesn't fit the storage, the shard and its
                index disagree, or memory runs out.

        """
        clips = [clip for clip in iter_manifest(index) if clip.status != "unused"]
        self._check_rate(clips)
        reasons = {clip.clip_id: self.teacher.refuses(clip) for clip in clips if clip.ok}
        wanted = [clip for clip in clips if clip.ok and not reasons[clip.clip_id]]
        batches = self._batches(wanted)
        identity = hashlib.sha256(
            repr([sorted(self.metadata.items()), self.asked.batch, sha256(index)]).encode()
        ).hexdigest()
        with exclusive(work):
            rows = Rows(work, len(self.record.order), self.asked.storage, identity)
            kept = rows.resume([batch.stop for batch in batches])
            if kept:
                print(f"{output.name}: {kept} rows of an interrupted run are kept", flush=True)
            started = time.perf_counter()
            self._compute(tar, wanted, [b for b in batches if b.start >= kept], rows, kept)
            seconds = time.perf_counter() - started
            made, failed = rows.read(), rows.reasons()
            place = {clip.clip_id: row for row, clip in enumerate(wanted)}
            listed = [self._row(clip, reasons, place, failed) for clip in clips]
            logits = np.full((len(clips), len(self.record.order)), np.nan, dtype=made.dtype)
            for number, clip in enumerate(clips):
                if listed[number].status == OK:
                    logits[number] = made[place[clip.clip_id]]
            write(output, logits, listed, self.metadata)
            self._report(output, listed, len(wanted) - kept, kept, seconds)
            shutil.rmtree(work)

    def _check_rate(self, clips: Sequence[Clip]) -> None:
        wanted = self.teacher.sample_rate
        lowest = min((clip.sample_rate for clip in clips if clip.ok), default=0)
        if wanted and lowest and lowest < wanted and not self.asked.upsample:
            name = self.asked.name
            raise UserError(f"teacher '{name}': {too_low(lowest, wanted, name)}")

    def _batches(self, clips: Sequence[Clip]) -> list[range]:
        """Return runs of clips computed together: of one length, where the teacher takes them as they are."""
        ranges, start = [], 0
        as_they_are = bool(self.teacher.sample_rate) and self.teacher.seconds is None
        for end in range(1, len(clips) + 1):
            full = end - start == self.asked.batch or end == len(clips)
            if full or (as_they_are and _samples(clips[end]) != _samples(clips[start])):
                ranges.append(range(start, end))
                start = end
        return ranges

    def _compute(
        self, tar: Path, clips: Sequence[Clip], batches: Sequence[range], rows: Rows, kept: int
    ) -> None:
        """Append the batches' rows in order."""
        waves = self._waves(tar, clips[kept:])
        with tqdm(total=len(clips), initial=kept, desc=f"logits {tar.name}", unit="clip") as bar:
            for batch in batches:
                own = [clips[number] for number in batch]
                heard = [next(waves) for _ in own] if self.teacher.sample_rate else []
                values, reasons = self._stored(own, self._logits(own, heard))
                rows.append(values, batch.start, reasons)
                bar.update(len(own))

    def _waves(self, tar: Path, clips: Sequence[Clip]) -> Iterator[Wave]:
        """Yield the audio of clips at the teacher's rate; members of other clips aren't decoded."""
        members = shards.members(tar)
        for clip in clips:
            member = next((found for found in members if found["__key__"] == clip.key), None)
            if member is None or "flac" not in member:
                raise UserError(f"{tar} lacks '{clip.key}' of its index; delete both to make them again")
            assert self.teacher.sample_rate is not None
            try:
                yield audio.read(io.BytesIO(member["flac"]), self.teacher.sample_rate)
            except AudioError as error:
                raise UserError(
                    f"{tar} is damaged at '{clip.key}' ({error}); delete it to make it again"
                ) from None

    def _logits(self, clips: Sequence[Clip], waves: Sequence[Wave]) -> NDArray[np.float32]:
        try:
            made = self.teacher.logits(clips, waves)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            name = self.asked.name
            raise UserError(
                f"out of memory on {len(clips)} clips at a time; lower teachers.{name}.batch"
            ) from None
        ordered: NDArray[np.float32] = made[:, self.record.order].numpy()
        return ordered

    def _stored(
        self, clips: Sequence[Clip], logits: NDArray[np.float32]
    ) -> tuple[NDArray[np.floating], dict[int, str]]:
        """Return rows as they are stored, and why some failed; UserError for what float16 can't hold."""
        with np.errstate(over="ignore"):
            values = logits.astype(self.asked.storage)
        finite = np.isfinite(logits).all(axis=1)
        for clip, row, fits in zip(clips, logits, finite == np.isfinite(values).all(axis=1), strict=True):
            if not fits:
                name = self.asked.name
                raise UserError(
                    f"a logit of clip '{clip.clip_id}' is {np.abs(row).max():.6g}, more than float16 holds; "
                    f"set teachers.{name}.storage to float32"
                )
        values[~finite] = np.nan
        return values, {int(place): NOT_FINITE for place in np.flatnonzero(~finite)}

    def _row(self, clip: Clip, reasons: dict[str, str], place: dict[str, int], failed: dict[int, str]) -> Row:
        """Return a clip's row of the index."""
        plain = Row(clip.clip_id, clip.key, clip.status, clip.reason, False)
        if not clip.ok:
            return plain
        reason = reasons[clip.clip_id] or failed.get(place[clip.clip_id], "")
        if reason:
            return replace(plain, status=FAILED, reason=reason)
        longest = self.teacher.seconds
        return replace(plain, cut=longest is not None and clip.duration_s > longest + 1e-6)

    def _report(self, output: Path, rows: Sequence[Row], computed: int, kept: int, seconds: float) -> None:
        """Write and print what was done, and how fast."""
        counts = {
            "clips": len(rows),
            "failed": sum(row.status != OK for row in rows),
            "cut": sum(row.cut for row in rows),
            "computed": computed,
            "kept_from_interrupted_run": kept,
        }
        speed = computed / seconds if computed else None
        timing = {"seconds": seconds, "clips_per_second": speed, "batch": self.asked.batch}
        write_json(output.with_suffix(".json"), {**self.metadata, "counts": counts, "timing": timing})
        print(
            f"{output.name}: {computed} clips in {seconds:.1f} s"
            + (f", {speed:.1f} clips/s" if speed else "")
            + "".join(f", {counts[key]} {key}" for key in ("failed", "cut") if counts[key]),
            flush=True,
        )


def _samples(clip: Clip) -> tuple[int, int]:
    """Return what decides a clip's length at any rate."""
    return clip.sample_rate, round(clip.duration_s * clip.sample_rate)
