"""Shards at a lower rate are a file target like any other."""

from __future__ import annotations

import io

import soundfile
import webdataset as wds


def test_a_shard_at_a_lower_rate_can_be_asked_for(copied):
    target = "data/gtzan/shards-8000/test-00000-of-00001.tar"
    copied.run("-j1", target)
    rates = {
        soundfile.read(io.BytesIO(sample["flac"]))[1]
        for sample in wds.WebDataset(str(copied.folder / target), shardshuffle=False)
    }
    assert rates == {8000}


def test_a_higher_rate_ends_in_one_line(copied):
    done = copied.run("-j1", "data/gtzan/shards-48000/test-00000-of-00001.tar", check=False)
    assert done.returncode != 0
    assert "wrong rate (16000 Hz cannot become 48000 Hz" in done.stdout
    assert "Traceback" not in done.stdout
