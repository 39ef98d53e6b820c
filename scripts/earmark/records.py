"""The clip manifest and the per-sample rows: their schemas, readers and writers.

A manifest has one row per clip (or, before segmentation, per recording). What failed stays in it
with its reason, so that nothing downstream has to guess. See the design's contract 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from earmark.errors import UserError
from earmark.files import replacing

OK = "ok"
FAILED = "failed"

PART = pa.struct([("path", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])
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
        ("text", pa.string()),
        ("options", pa.list_(pa.string())),
        ("licence", pa.string()),
        ("sha256", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Part:
    """A stretch of a source file: ``[start_s, end_s)`` seconds of the file at ``path``."""

    path: str
    start_s: float
    end_s: float


@dataclass
class Clip:
    """One row of the manifest.

    ``source_id`` names the original recordings inside: no recording may be in two splits.
    ``text`` is the question or the transcript that comes with the data, if any; ``options`` the
    answer options that come with it (drawn later where there are none). ``shard`` and ``key`` are
    set once the clip is packed, ``sha256`` is that of the packed audio (or of the source file).
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

    @property
    def ok(self) -> bool:
        """Whether the clip can be used."""
        return self.status == OK

    def fail(self, reason: str) -> None:
        """Keep the clip in the manifest as failed."""
        self.status, self.reason = FAILED, reason


def write_manifest(path: Path, clips: Iterable[Clip]) -> None:
    """Write clips as a manifest, by rename."""
    table = pa.Table.from_pylist([asdict(clip) for clip in clips], schema=MANIFEST)
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_manifest(path: Path) -> list[Clip]:
    """Read a manifest.

    Raises:
        UserError: the file isn't a manifest.

    """
    try:
        rows = pq.read_table(path, schema=MANIFEST).to_pylist()
    except (pa.ArrowInvalid, KeyError) as error:
        raise UserError(f"{path} is not a clip manifest ({error}); delete it to make it again") from None
    return [Clip(**{**row, "parts": [Part(**part) for part in row["parts"]]}) for row in rows]


def check_budget(clips: Sequence[Clip], max_failed_share: float, where: str) -> None:
    """Stop if more clips failed than the error budget allows.

    Raises:
        UserError: names the first failed clips, the reasons and the key that allows more.

    """
    failed = [clip for clip in clips if clip.status == FAILED]
    if len(failed) > max_failed_share * len(clips):
        shown = "; ".join(f"{c.parts[0].path if c.parts else c.clip_id}: {c.reason}" for c in failed[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        raise UserError(
            f"{where}: {len(failed)} of {len(clips)} recordings cannot be used ({shown}{more}); mend or "
            f"remove them, or allow them with data.max_failed_share (now {max_failed_share:g})"
        )


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON lines, by rename."""
    with replacing(path) as partial, partial.open("w") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def read_jsonl(path: Path, *, torn: bool = False) -> list[dict[str, Any]]:
    """Read JSON lines; ``torn`` drops a last line that a killed writer left unfinished.

    Raises:
        UserError: a line is not JSON.

    """
    rows = []
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines[:-1] if torn else lines, start=1):
        if line:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise UserError(f"{path}, line {number} is not JSON ({error.msg})") from None
    return rows
