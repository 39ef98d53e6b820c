"""A data set of indexes in which everything an audit looks for is wrong at a known place."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.audio.correlation import RATE
from earmark.audio.fingerprint import RECORD, SLOTS
from earmark.core.records import Clip, Measures, Part, write_manifest
from earmark.data.audit import prints
from earmark.data.audit.request import Request
from earmark.models.costs import Costs
from earmark.models.outline import Outline, costs
from earmark.models.sizes import Sizes

HOSTILE = "</script><script>document.title='owned'</script><img src=http://evil.test/x>"
SHARDS = {"train": 2, "test": 1}


def published(repository: str) -> Costs:
    """What decides the cost of a published model."""
    return costs(Outline("omni", "bfloat16", hub=repository))


SETTINGS = Request(
    title="Made-up sounds",
    labels=[],
    tokens_per_second=25.0,
    models={
        "small": costs(Outline("omni", max_audio_s=60, made=Sizes(layers=3))),
        "qwen2.5-omni-3b": published("Qwen/Qwen2.5-Omni-3B"),
        "unknown": published("someone/else"),
    },
)
GOOD = Measures("wav", "libsndfile", 16000, 1, 0.8, -20.0, 0.0, 0.05)


def clip(i: int, split: str, label: str, **changes: Any) -> Clip:
    name = f"{split}{i:03d}"
    made = Clip(
        clip_id=name,
        key=name,
        source_id=[f"source-{name}"],
        parts=[Part(f"/corpus/{name}.wav", 0.0, 5.0 + i)],
        duration_s=5.0 + i,
        sample_rate=16000,
        channels=1,
        split=split,
        labels=[label],
        licence="CC-BY-4.0",
        origin="hub:someone/sounds@0123",
        sha256=f"{split}-{i}",
        measures=GOOD,
    )
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def damaged() -> list[Clip]:
    """Clips, one thing wrong with each of the first."""
    train = [clip(i, "train", ("dog", "rain")[i % 2]) for i in range(30)]
    test = [clip(i, "test", ("dog", "rain", HOSTILE)[i % 3]) for i in range(12)]
    train[0].fail("undecodable (it ends midway)")
    train[1].fail("missing")
    train[2].status, train[2].reason = "unused", "rest of 3.0 s is shorter than min_s"
    train[3].measures = replace(GOOD, silent_share=1.0, rms_db=-90.0)
    train[4].measures = replace(GOOD, silent_share=0.6)
    train[5].measures = replace(GOOD, clipped_share=0.02)
    train[6].measures = replace(GOOD, source_rate=8000)
    train[7].measures = replace(GOOD, container="mp3")
    train[8].duration_s = 0.01
    train[9].licence = ""
    train[10].sha256 = train[11].sha256  # exact duplicates, dog and rain: a conflict too
    test[0].sha256 = train[12].sha256  # on both sides; dog twice
    test[1].source_id = ["source-train013"]
    train[13].source_id = ["source-train013", "another"]
    test[3].measures = None
    test[4].parts = [Part(f"/corpus/part{n}.wav", 0.0, 1.0) for n in range(7)]
    test[4].fail(HOSTILE)
    test[5].measures = replace(GOOD, container="matroska,webm")
    test[5].parts = [Part("/corpus/x.webm", 0.0, 10.0)]
    return train + test


COPIES = ("train014", "test002")
"""Nearly the same audio: dog and a hostile label."""


def write(
    folder: Path,
    clips: list[Clip],
    shards: dict[str, int] = SHARDS,
    copies: tuple[str, ...] = COPIES,
) -> Path:
    """Write indexes and fingerprints below ``folder``."""
    for split, of in shards.items():
        chosen = [c for c in clips if c.split == split]
        rows = []
        for k in range(of):
            name = f"{split}-{k:05d}-of-{of:05d}"
            write_manifest(folder / "shards" / f"{name}.parquet", chosen[k::of])
            rows += [(heard(c, copies), f"{name}.tar", c.key) for c in chosen[k::of] if c.ok]
        prints.write(rows, folder / "fingerprints" / f"{split}-00000-of-00001.parquet")
    return folder


def heard(clip: Clip, copies: tuple[str, ...]) -> bytes:
    """Return the fingerprint of a clip's made-up sound: as other sounds' as chance has it."""
    if clip.measures is None or clip.measures.silent_share == 1:
        return b""
    sound = "copy" if clip.clip_id in copies else clip.clip_id
    found = np.zeros(SLOTS, RECORD)
    found["key"] = np.random.default_rng(zlib.crc32(sound.encode())).integers(1, 2**32, SLOTS)
    return found.tobytes()


class StandIn:
    """Instead of the shards' audio: noise that is the same where the fingerprint is."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection

    def __call__(self, clip: int) -> NDArray[np.float32]:
        (found,) = self._connection.execute("SELECT print FROM clips WHERE id = ?", (clip,)).fetchone()
        rng = np.random.default_rng(np.frombuffer(found, np.uint8))
        return rng.standard_normal(RATE).astype(np.float32)
