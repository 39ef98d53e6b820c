"""Fingerprints are made of packed clips when an audit asks, and kept in files of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from planted import SETTINGS, damaged, write

from earmark.audio.fingerprint import fingerprint
from earmark.core.errors import UserError
from earmark.core.records import Clip, Part, read_manifest, write_manifest
from earmark.data import shards
from earmark.data.audit import chunks, hearing, job, prints


def test_every_shard_is_in_one_file_of_at_most_so_many():
    named = [f"train-{k:05d}" for k in range(70)]
    files = list(chunks.paths("data/x/fingerprints", {"train": 70, "test": 32}))
    assert files == [f"data/x/fingerprints/train-{k:05d}-of-00003.parquet" for k in range(3)] + [
        "data/x/fingerprints/test-00000-of-00001.parquet"
    ]
    assert sum((list(chunks.of(named, k)) for k in range(3)), []) == named


@pytest.fixture
def packed(tmp_path):
    """A quiet recording and digital silence, packed."""
    notes = np.random.default_rng(0).integers(200, 3000, 20).repeat(800)
    quiet = 8e-4 * np.sin(2 * np.pi * np.cumsum(notes) / 16000)
    rows = []
    for name, samples in (("quiet", quiet), ("nothing", np.zeros(16000))):
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000)
        part = Part(str(tmp_path / f"{name}.wav"), 0.0, 1.0)
        rows.append(Clip(name, [name], [part], 1.0, 0, 0, "test", ["x"], key=name, licence="CC0-1.0"))
    tar = tmp_path / "shards" / "test-00000-of-00001.tar"
    shards.write(lambda: iter(rows), tar, tar.with_suffix(".parquet"), shards.Form(16000))
    return tar


def test_what_is_heard_is_the_fingerprint_of_the_packed_audio(packed):
    rows = {key: print_ for print_, _, key in hearing.heard([packed])}
    audio = dict(shards.stream(packed, 16000))
    assert rows == {key: fingerprint(samples, 16000) for key, samples in audio.items()}
    assert len(rows["quiet"]) and not rows["nothing"]


def test_two_quiet_copies_are_no_silence_but_two_of_nothing_are(packed):
    folder = packed.parents[1]
    index = packed.with_suffix(".parquet")
    twice = read_manifest(index)
    write_manifest(index, [*twice, *(replace(clip, clip_id=f"{clip.clip_id} again") for clip in twice)])
    prints.write(hearing.heard([packed]), folder / "fingerprints" / packed.with_suffix(".parquet").name)
    record = job.audit("x", folder, {"test": 1}, SETTINGS, "")
    exact = next(f for f in record["findings"] if f["code"] == "exact")["items"]
    assert sorted(item["detail"].split(",")[0] for item in exact) == ["2 clips", "2 silent clips"]


@pytest.mark.parametrize("content", [None, b"no Parquet"])
def test_fingerprints_that_cannot_be_read_are_said_in_one_line(tmp_path, content):
    path = write(tmp_path, damaged()) / "fingerprints" / "train-00000-of-00001.parquet"
    path.unlink()
    if content:
        path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"train-00000-of-00001.parquet (is missing; make it|holds no finger)"
    ):
        job.audit("sounds", tmp_path, {"train": 2, "test": 1}, SETTINGS, "")


def test_an_index_of_a_version_that_measured_otherwise_is_said_in_one_line(packed):
    index = packed.with_suffix(".parquet")
    rows = pq.read_table(index).to_pylist()
    for row in rows:
        row["measures"]["fingerprint"] = b"x"
    pq.write_table(pa.Table.from_pylist(rows), index)
    with pytest.raises(UserError, match="other columns than this version writes"):
        read_manifest(index)
