"""A shard at a lower rate: same clips and keys, the index brought up to date, nothing invented."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile
import soxr

from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.records import Clip, Part, read_manifest
from earmark.data import shards
from earmark.data.resample import resample


@pytest.fixture
def shard(real_audio, tmp_path):
    """Three recordings at 32 kHz and one that is missing."""
    names = ["dog_bark_1-110389-A.ogg", "missing.ogg", "rain_1-17367-A.ogg", "rooster_1-26806-A.ogg"]
    clips = [
        Clip(
            name, [name], [Part(str(real_audio / "esc10" / "audio" / name), 0.0, 3.0)],
            3.0, 44100, 1, "train", [name.split("_")[0]], key=f"train-{n}",
        )
        for n, name in enumerate(names)
    ]  # fmt: skip
    tar = tmp_path / "shards" / "train-00000-of-00001.tar"
    form = shards.Form(32000)
    shards.write(lambda: iter(clips), tar, tar.with_suffix(".parquet"), form, max_failed_share=0.3)
    return tar


def lowered(tar, rate, folder="lower"):
    made = tar.parent.parent / folder / tar.name
    resample(tar, tar.with_suffix(".parquet"), rate, made, made.with_suffix(".parquet"))
    return made


def test_every_clip_is_the_same_recording_at_the_lower_rate(shard):
    made = lowered(shard, 16000)
    assert [m["__key__"] for m in shards.members(made)] == ["train-0", "train-2", "train-3"]
    for before, after in zip(shards.members(shard), shards.members(made), strict=True):
        high, _ = soundfile.read(io.BytesIO(before["flac"]))
        low, rate = soundfile.read(io.BytesIO(after["flac"]))
        assert (rate, len(low)) == (16000, 48000)
        assert np.abs(low - soxr.resample(high, 32000, 16000)).max() < 1e-4
        assert json.loads(after["json"])["sample_rate"] == 16000


def test_the_index_goes_on_naming_sources_and_failures(shard):
    made = lowered(shard, 16000)
    old, new = (read_manifest(p.with_suffix(".parquet")) for p in (shard, made))
    assert [(c.clip_id, c.status, c.reason, c.parts) for c in new] == [
        (c.clip_id, c.status, c.reason, c.parts) for c in old
    ]
    assert [c.sample_rate for c in new if c.ok] == [16000] * 3
    assert all(a.sha256 != b.sha256 for a, b in zip(old, new, strict=True) if a.ok)
    assert [c.measures.source_rate for c in new if c.ok] == [44100] * 3
    assert [c.measures.container for c in new if c.ok] == ["ogg"] * 3


def test_resampling_twice_gives_the_same_bytes(shard):
    assert sha256(lowered(shard, 16000, "a")) == sha256(lowered(shard, 16000, "b"))


def test_the_same_rate_changes_no_byte(shard):
    assert sha256(lowered(shard, 32000)) == sha256(shard)


def test_a_higher_rate_is_refused(shard):
    with pytest.raises(
        UserError, match=r"wrong rate \(32000 Hz cannot become 48000 .*data.sample_rate to 48000"
    ):
        lowered(shard, 48000)
    assert list((shard.parent.parent / "lower").iterdir()) == []


def test_an_index_of_another_tar_is_refused(shard):
    made = lowered(shard, 16000)
    with pytest.raises(UserError, match="and its index disagree"):
        resample(
            made, shard.with_suffix(".parquet"), 8000, made.with_name("x.tar"), made.with_name("x.parquet")
        )
