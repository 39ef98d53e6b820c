"""The clip manifest: its schema, readers and writers.

A manifest has one row per clip (or, before segmentation, per recording). What failed stays in it
with its reason, so that nothing downstream has to guess. See the design's contract 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from earmark.core.errors import UserError
from earmark.core.files import Json, replacing

OK = "ok"
FAILED = "failed"
UNUSED = "unused"
SKIPPED = "skipped"
"""Not encoded, since the task's sample_limit leaves it out."""
WANTED = "wanted"
"""Listed by a source whose recordings are fetched item by item, not yet asked for."""

ROW_GROUP = 2000
"""Rows written and read at a time: what bounds memory, whatever the number of clips."""

NOT_PARQUET = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, UnicodeDecodeError)
"""What pyarrow raises, besides OSError, for a file that is damaged or of another layout: no Parquet or
values that can't be cast; a type or encoding it doesn't know, as flipped bits name one; a column that
isn't there; text that isn't UTF-8."""

PART = pa.struct([("path", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])
SPAN = pa.struct([("start_s", pa.float64()), ("end_s", pa.float64()), ("label", pa.string())])
MEASURES = pa.struct(
    [
        ("container", pa.string()),
        ("decoder", pa.string()),
        ("source_rate", pa.int32()),
        ("source_channels", pa.int32()),
        ("peak", pa.float64()),
        ("rms_db", pa.float64()),
        ("clipped_share", pa.float64()),
        ("silent_share", pa.float64()),
        ("streams", pa.int32()),
        ("filled_s", pa.float64()),
        ("tracks", pa.int32()),
    ]
)
MANIFEST = pa.schema(
    [
        ("clip_id", pa.string()),
        ("source_id", pa.list_(pa.string())),
        ("parts", pa.list_(PART)),
        ("shard", pa.string()),
        ("key", pa.string()),
        ("duration_s", pa.float64()),
        ("sample_rate", pa.int32()),
        ("channels", pa.int32()),
        ("split", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("group", pa.string()),
        ("spans", pa.list_(SPAN)),
        ("text", pa.string()),
        ("options", pa.list_(pa.string())),
        ("licence", pa.string()),
        ("origin", pa.string()),
        ("sha256", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("measures", MEASURES),
    ]
)


@dataclass(frozen=True)
class Part:
    """A stretch of a source file: ``[start_s, end_s)`` seconds of the file at ``path``."""

    path: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Span:
    """An annotated stretch: ``[start_s, end_s)`` seconds of the clip it belongs to."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class Measures:
    """What packing saw of a clip's audio, so that an audit need not decode it again.

    ``container`` is what the source file really is, whatever its name says; ``decoder`` who read it
    (libsndfile or ffmpeg). ``peak`` is linear, ``rms_db`` relative to full scale; the shares are of
    samples at full scale and of 20 ms frames below -60 dBFS. ``streams`` counts those that stand one behind
    the other in a source file, ``tracks`` the sound tracks side by side, ``filled_s`` is silence where its
    clock goes on without sound. Of a joined clip, the first part's source is named.
    """

    container: str
    decoder: str
    source_rate: int
    source_channels: int
    peak: float
    rms_db: float
    clipped_share: float
    silent_share: float
    streams: int = 1
    filled_s: float = 0.0
    tracks: int = 1


@dataclass
class Clip:
    """One row of the manifest.

    ``source_id`` names the original recordings inside: no recording may be in two splits.
    ``group`` names what recordings are joined by besides their label (a speaker, a place).
    ``spans`` are annotated stretches in the clip's own time. ``origin`` says where the recording
    came from, with its revision (``hub:owner/name@commit``). ``text`` is the question or the
    transcript that comes with the data, if any; ``options`` the answer options that come with it
    (drawn later where there are none). ``shard`` and ``key`` are set once the clip is packed,
    ``sha256`` is that of the packed audio (or of the source file).
    """

    clip_id: str
    source_id: list[str]
    parts: list[Part]
    duration_s: float
    sample_rate: int
    channels: int
    split: str
    labels: list[str]
    text: str = ""
    options: list[str] = field(default_factory=list)
    licence: str = ""
    shard: str = ""
    key: str = ""
    sha256: str = ""
    status: str = OK
    reason: str = ""
    group: str = ""
    spans: list[Span] = field(default_factory=list)
    origin: str = ""
    measures: Measures | None = None

    @property
    def ok(self) -> bool:
        """Whether the clip can be used."""
        return self.status == OK

    def fail(self, reason: str) -> None:
        """Keep the clip in the manifest as failed; ``reason`` is a code, then details in brackets."""
        self.status, self.reason = FAILED, reason

    @classmethod
    def unread(cls, path: Path | str, clip_id: str, split: str, labels: list[str], **more: Any) -> Clip:
        """Return the row of a file that has not been looked at: no duration, rate or channels yet.

        ``more`` are further columns; the recording inside is ``clip_id`` where ``source_id`` isn't named.
        """
        row: Json = {
            "source_id": [clip_id],
            "duration_s": 0.0,
            "sample_rate": 0,
            "channels": 0,
        } | more
        return cls(clip_id=clip_id, parts=[Part(str(path), 0.0, 0.0)], split=split, labels=labels, **row)

    def row(self) -> Json:
        """Return the manifest's row of a clip; ``dataclasses.asdict`` takes ten times as long."""
        return vars(self) | {
            "parts": [vars(part) for part in self.parts],
            "spans": [vars(span) for span in self.spans],
            "measures": vars(self.measures) if self.measures else None,
        }

    @classmethod
    def from_row(cls, row: Json) -> Clip:
        """Return the clip of a manifest's row."""
        nested = {
            "parts": [Part(**part) for part in row["parts"]],
            "spans": [Span(**span) for span in row["spans"]],
            "measures": Measures(**row["measures"]) if row["measures"] else None,
        }
        return cls(**{**row, **nested})


def write_manifest(path: Path, clips: Iterable[Clip]) -> None:
    """Write clips as a manifest as they come, by rename; memory doesn't grow with their number."""
    with replacing(path) as partial, pq.ParquetWriter(partial, MANIFEST, compression="zstd") as writer:
        for batch in _batches(clips):
            writer.write_table(pa.Table.from_pylist([clip.row() for clip in batch], schema=MANIFEST))


def _batches(clips: Iterable[Clip]) -> Iterator[list[Clip]]:
    """Yield clips in lists of bounded size; a clip joined of many parts counts as many."""
    batch, size = [], 0
    for clip in clips:
        batch.append(clip)
        size += max(1, len(clip.parts) + len(clip.spans))
        if size >= ROW_GROUP:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def iter_manifest(
    path: Path, split: str | None = None, share: tuple[int, int] = (0, 1), *, block: bool = False
) -> Iterator[Clip]:
    """Yield the clips of a manifest, or of one split of it, in order.

    ``share = (k, n)`` takes every n-th clip of the split from the k-th on, which mixes classes; with
    ``block`` the k-th of n stretches of about equal size, which reads little of a large file.

    Raises:
        UserError: the file isn't a manifest.

    """
    try:
        file = pq.ParquetFile(path)
        found = file.schema_arrow
        if found.names != MANIFEST.names or found.field("measures").type != MEASURES:
            raise pa.ArrowInvalid("other columns than this version writes")
    except NOT_PARQUET as error:
        raise UserError(f"{path} is not a clip manifest ({error}); delete it to make it again") from None
    with file:
        groups = range(file.num_row_groups)
        if split is None:
            inside = [np.ones(file.metadata.row_group(group).num_rows, dtype=bool) for group in groups]
        else:
            inside = [
                pc.equal(file.read_row_group(group, ["split"])["split"], split).to_numpy() for group in groups
            ]
        chosen = _chosen(inside, *share, block=block)
        for group, rows in zip(groups, chosen, strict=True):
            if len(rows):
                for row in file.read_row_group(group).take(rows).to_pylist():
                    yield Clip.from_row(row)


def _chosen(inside: list[NDArray[np.bool_]], k: int, n: int, *, block: bool) -> list[NDArray[np.int64]]:
    """Return, per row group, the rows that make up share ``k`` of ``n`` of the rows inside."""
    total = sum(int(mask.sum()) for mask in inside)
    low, high = k * total // n, (k + 1) * total // n
    seen, chosen = 0, []
    for mask in inside:
        rows = np.flatnonzero(mask)
        numbers = seen + np.arange(len(rows))
        seen += len(rows)
        chosen.append(rows[(numbers >= low) & (numbers < high) if block else numbers % n == k])
    return chosen


def read_manifest(path: Path) -> list[Clip]:
    """Read a whole manifest; raises UserError if it isn't one."""
    return list(iter_manifest(path))


LISTED = 1000
"""Unusable recordings are listed up to so many: what bounds memory."""
NAMED = 3
"""So many of them are named in a message."""


class Tally:
    """Counts clips as they pass, so that an error budget needs no list of them."""

    def __init__(self) -> None:
        self.total = 0
        self.reasons: Counter[str] = Counter()
        self.first: list[str] = []
        """The first failed clips, at most ``LISTED``: path and reason."""

    def watch(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Yield the clips, counting them."""
        for clip in clips:
            self.total += 1
            if clip.status == FAILED:
                self.reasons[reason_code(clip.reason)] += 1
                if len(self.first) < LISTED:
                    self.first.append(f"{clip.parts[0].path if clip.parts else clip.clip_id}: {clip.reason}")
            yield clip

    def check(self, max_failed_share: float, where: str) -> None:
        """Stop if more clips failed than the error budget allows.

        Raises:
            UserError: names the first failed clips, the reasons and the key that allows more.

        """
        failed = self.reasons.total()
        if failed > max_failed_share * self.total:
            named = self.first[:NAMED]
            more = f" and {failed - len(named)} more" if failed > len(named) else ""
            counts = ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())
            raise UserError(
                f"{where}: {failed} of {self.total} recordings cannot be used "
                f"({'; '.join(named)}{more}) [{counts}]; mend or remove them, or allow them with "
                f"data.max_failed_share (now {max_failed_share:g})"
            )


def reason_code(reason: str) -> str:
    """Return the code of a reason: what stands before the details in brackets."""
    return reason.partition(" (")[0]
