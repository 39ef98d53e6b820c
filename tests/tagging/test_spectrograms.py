"""Spectrograms of a shard: natural lengths, cut and counted, where and what the index says."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from safetensors import safe_open

from earmark.core.errors import UserError
from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.systems.tagging import spectrograms
from earmark.systems.tagging.fbank import fbank
from earmark.systems.tagging.framing import frames_of


def rows(task):
    return [row for path in task.indexes for row in pq.read_table(path).to_pylist()]


def test_tensors_are_the_front_end_of_the_audio_at_natural_length_in_half_precision(task):
    for path in task.fbanks:
        with safe_open(path, "pt") as file:
            assert file.metadata() == {"frames": "128", "sample_rate": "16000"}
            keys = file.keys()
            for key in keys:
                samples = task.audio[key.replace("-", " ")]
                expected = fbank(torch.from_numpy(samples))[:128]
                tensor = file.get_tensor(key)
                assert tensor.dtype == torch.float16
                assert tensor.shape == expected.shape
                assert (tensor.float() - expected).abs().max() < 0.01


def test_the_index_counts_cut_clips_and_keeps_failed_ones(task):
    for row in rows(task):
        if row["clip_id"] == "clip 5":
            assert (row["status"], row["reason"], row["frames"]) == ("failed", "missing", 0)
            continue
        natural = frames_of(len(task.audio[row["clip_id"]]))
        assert (row["frames"], row["cut"]) == (min(natural, 128), natural > 128)
    assert sum(row["cut"] for row in rows(task)) == 3


def test_offsets_lead_to_tensor_and_flac_file(task):
    for index, fbanks, tar in zip(task.indexes, task.fbanks, task.tars, strict=True):
        with safe_open(fbanks, "np") as file, tarfile.open(tar) as archive:
            for row in pq.read_table(index).to_pylist():
                if row["status"] == "ok":
                    start = row["fbank_offset"]
                    stored = fbanks.read_bytes()[start : start + row["frames"] * 256]
                    assert stored == file.get_tensor(row["key"]).tobytes()
                    flac = tar.read_bytes()[row["flac_offset"] :][: row["flac_size"]]
                    assert flac == archive.extractfile(f"{row['key']}.flac").read()
                    assert len(soundfile.read(io.BytesIO(flac))[0]) == len(task.audio[row["clip_id"]])


def test_sums_are_those_of_the_stored_cells(task):
    for index, fbanks in zip(task.indexes, task.fbanks, strict=True):
        with safe_open(fbanks, "np") as file:
            for row in pq.read_table(index).to_pylist():
                if row["status"] == "ok":
                    cells = file.get_tensor(row["key"]).astype(np.float64)
                    assert row["sum"] == pytest.approx(cells.sum(), rel=1e-12)
                    assert row["sum_squares"] == pytest.approx((cells**2).sum(), rel=1e-12)


def shard_at(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).standard_normal(rate) * 0.1, rate)
    clip = Clip("a", ["a"], [Part(str(tmp_path / "a.wav"), 0.0, 1.0)], 1.0, rate, 1, "train", ["x"], key="a")
    tar = tmp_path / "a.tar"
    shards.write(lambda: iter([clip]), tar, tmp_path / "a.parquet", shards.Form(rate))
    return tar


def test_another_sample_rate_is_refused_with_the_key_to_set(tmp_path):
    tar = shard_at(tmp_path, 22050)
    with pytest.raises(
        UserError, match=r"wrong sample rate \(22050 Hz, 16000 needed\); set data.sample_rate"
    ):
        spectrograms.write(
            tar, tmp_path / "a.parquet", 128, tmp_path / "b.safetensors", tmp_path / "b.parquet"
        )
    assert not (tmp_path / "b.safetensors").exists() and not (tmp_path / "b.parquet").exists()


def test_a_tar_of_other_clips_is_named(tmp_path, task):
    tar = shard_at(tmp_path, 16000)
    with pytest.raises(UserError, match="a.tar and its index disagree"):
        spectrograms.write(
            tar, task.tars[0].with_suffix(".parquet"), 128, tmp_path / "b.safetensors", tmp_path / "b.parquet"
        )
