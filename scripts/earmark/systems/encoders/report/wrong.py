"""Wrong answers of encoders, with what was asked, what was right and, where it is on disk, the sound."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from earmark.audio import waveform
from earmark.config.common import Report
from earmark.core.errors import AudioError, UserError
from earmark.data.sources.compressed import BROKEN
from earmark.data.sources.recordings import SUFFIXES
from earmark.report import excerpts, files, wrong_answers
from earmark.report.figures import Appendix, Row
from earmark.report.material import Material
from earmark.systems.encoders.report.differences import Scored

SCHEMA = pa.schema(
    [
        ("suite", pa.string()),
        ("dataset", pa.string()),
        ("encoder", pa.string()),
        ("result", pa.string()),
        ("clip", pa.string()),
        ("answer", pa.string()),
        ("references", pa.list_(pa.string())),
        ("audio", pa.binary()),
    ]
)
write, load = partial(wrong_answers.write, schema=SCHEMA), partial(wrong_answers.load, schema=SCHEMA)

NAME = "wrong_answers_of_encoders.parquet"
"""What the file is called that the page reads."""

Shards = Mapping[str, Mapping[str, str]]
"""Of every result, the tars of its shards by their names."""


def collect(results: Sequence[Path], shards: Shards, shown: Report) -> list[Row]:
    """Return the rows to show.

    Of each result some wrong answers are taken, chosen by the digest of their clips and so by nobody. Sounds
    are dealt out result by result in turn until they would take ``audio_mb`` in a page.

    Raises:
        UserError: a result or a shard is damaged.

    """
    chosen = [_chosen(path, shown.wrong_answers) for path in sorted(results)]
    turns = [row for turn in zip_longest(*chosen) for row in turn if row is not None]
    left = shown.audio_mb * 1e6 / wrong_answers.BASE64
    sounds = _sounds(turns, shards, shown.audio_s) if left else {}
    for row in turns:
        content = sounds.get((row["result"], row["clip"]))
        if content is not None and len(content) <= left:
            left -= len(content)
            row["audio"] = content
    return [row for rows in chosen for row in rows]


def _chosen(path: Path, most: int) -> list[Row]:
    result = Scored(str(path), files.read(path, "encoder_score"))
    wrong = [row for row in result.rows if row["point"] is not None and row["point"] < 1]
    wrong.sort(key=lambda row: hashlib.sha256(f"{row['id']} {row['reference']}".encode()).digest())
    return [
        {
            "suite": result.record["asked"]["suite"],
            "dataset": result.dataset,
            "encoder": result.encoder,
            "result": str(path),
            "clip": row["id"],
            "answer": row["answer"],
            "references": row["references"],
            "audio": None,
        }
        for row in wrong[:most]
    ]


def _sounds(rows: Sequence[Row], shards: Shards, seconds: float) -> dict[tuple[str, str], bytes]:
    """Return the sound of the clips that are on disk, by result and clip; a shard is read once."""
    wanted: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for row in rows:
        shard, _, key = row["clip"].partition("/")
        tar = shards.get(row["result"], {}).get(shard)
        if tar is not None and Path(tar).is_file():
            wanted.setdefault(tar, {}).setdefault(key, []).append((row["result"], row["clip"]))
    return {
        place: content
        for tar, keys in sorted(wanted.items())
        for key, content in _heard(Path(tar), set(keys), seconds)
        for place in keys[key]
    }


def _heard(tar: Path, keys: set[str], seconds: float) -> Iterator[tuple[str, bytes]]:
    """Yield the start of each clip asked for of a tar, as Ogg Opus, by its key."""
    left = set(keys)
    try:
        with tarfile.open(tar, "r:*") as members:
            for member in members:
                path = PurePosixPath(member.name)
                key = member.name.removesuffix(path.suffix)
                stream = members.extractfile(member) if key in left and member.isfile() else None
                if stream is None or path.suffix.lower() not in SUFFIXES:
                    continue
                left.discard(key)
                yield key, excerpts.opus(*_start(stream.read(), seconds))
                if not left:
                    return
    except (tarfile.TarError, *BROKEN, OSError, AudioError) as error:
        raise UserError(f"{tar} is damaged ({error}); get it again") from None


def _start(content: bytes, seconds: float) -> tuple[Any, int]:
    """Return the first seconds of an audio file [samples] and their rate."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        decoded = waveform.decode(Path(file.name))
    return decoded.samples[: round(seconds * decoded.sample_rate)], decoded.sample_rate


def appendices(material: Material) -> Iterator[Appendix]:
    """Yield the wrong answers to look at and listen to, if there are any."""
    path = material.file(NAME)
    rows = load(path) if path else []
    if rows:
        template = Path(__file__).with_name("wrong_answers.html")
        shown = {"answers": grouped(rows)}
        yield Appendix("encoders-wrong", "Wrong answers of encoders", template, shown)


def grouped(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return wrong answers by encoder and data set, audio as the text a page can play."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        name = f"{row['encoder']} trained on {row['suite']}, {row['dataset']}"
        found.setdefault(name, []).append(wrong_answers.playable(row))
    return list(found.items())
