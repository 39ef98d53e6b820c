"""Shards: the same clips give the same bytes, stock webdataset reads them, failures stay listed."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import soundfile
import webdataset as wds

from earmark import shards
from earmark.files import sha256
from earmark.records import Clip, Part, iter_manifest, read_manifest, write_manifest


def make(tmp_path, count=5):
    rng = np.random.default_rng(0)
    clips = []
    for i in range(count):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, (rng.standard_normal(8000) * 0.1).clip(-1, 1), 16000, subtype="PCM_16")
        clips.append(
            Clip(
                f"c{i}", [f"s{i}"], [Part(str(path), 0.0, 0.5)] * 2, 1.0, 16000, 1, "test", ["a"], key=f"k{i}"
            )
        )
    return clips


def test_packing_twice_gives_the_same_bytes(tmp_path):
    clips = make(tmp_path)
    list(shards.pack(copy.deepcopy(clips), tmp_path / "a.tar", 16000))
    list(shards.pack(copy.deepcopy(clips), tmp_path / "b.tar", 16000))
    assert sha256(tmp_path / "a.tar") == sha256(tmp_path / "b.tar")


def test_parts_come_back_joined_and_sample_exact(tmp_path):
    clips = make(tmp_path)
    list(shards.pack(clips, tmp_path / "a.tar", 16000))
    for i, (key, samples) in enumerate(shards.stream(tmp_path / "a.tar", 16000)):
        source, _ = soundfile.read(tmp_path / f"{i}.wav", dtype="float32")
        assert key == f"k{i}"
        assert np.array_equal(samples, np.concatenate([source, source]))


def test_a_stock_loader_reads_the_tar(tmp_path):
    list(shards.pack(make(tmp_path), tmp_path / "a.tar", 16000))
    read = [
        (s["__key__"], soundfile.read(io.BytesIO(s["flac"]))[1])
        for s in wds.WebDataset(str(tmp_path / "a.tar"), shardshuffle=False)
    ]
    assert read == [(f"k{i}", 16000) for i in range(5)]


def test_an_undecodable_clip_is_listed_with_its_reason_and_left_out(tmp_path):
    clips = make(tmp_path)
    (tmp_path / "2.wav").write_bytes(b"RIFF" + b"\0" * 100)
    index = list(shards.pack(clips, tmp_path / "a.tar", 16000))
    write_manifest(tmp_path / "a.parquet", index)
    back = read_manifest(tmp_path / "a.parquet")
    assert [c.status for c in back] == ["ok", "ok", "failed", "ok", "ok"]
    assert "undecodable" in back[2].reason
    assert [key for key, _ in shards.stream(tmp_path / "a.tar", 16000)] == ["k0", "k1", "k3", "k4"]


@pytest.mark.parametrize("block", [False, True])
def test_shards_share_out_every_clip_of_a_split_once(tmp_path, monkeypatch, block):
    monkeypatch.setattr("earmark.records.ROW_GROUP", 3)
    splits = ["train", "test", "test", "test", "train"] * 4
    clips = [Clip(f"c{i}", [], [], 1.0, 16000, 1, s, ["a"]) for i, s in enumerate(splits)]
    write_manifest(tmp_path / "m.parquet", iter(clips))
    shares = [list(iter_manifest(tmp_path / "m.parquet", "test", (k, 5), block=block)) for k in range(5)]
    names = [[c.clip_id for c in share] for share in shares]
    wanted = [c.clip_id for c in clips if c.split == "test"]
    assert names == ([wanted[k::5] for k in range(5)] if not block else names)
    assert sorted(sum(names, [])) == sorted(wanted)
    assert {len(share) for share in shares} <= {2, 3}
    if block:
        assert sum(names, []) == wanted
