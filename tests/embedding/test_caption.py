"""Captions go on after a kill, and a clip that cannot be described says why."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from earmark.core.files import write_json
from earmark.core.records import Clip
from earmark.models.checkpoint import describe_folder
from earmark.models.features import FeatureRow, write_index
from earmark.systems.embeddings import caption
from earmark.systems.embeddings.asked import CaptionJob

CHOSEN = {
    "model": {
        "name": "m",
        "kind": "omni",
        "dtype": "float32",
        "attention": "sdpa",
        "labels": [],
        "max_audio_s": 2,
        "projector": {},
    },
    "task": {"name": "t", "long_audio": "error"},
    "caption": {
        "prompt": "<|audio_bos|><|AUDIO|><|audio_eos|>Describe:",
        "system": None,
        "sample_limit": None,
        "max_new_tokens": 3,
        "temperature": 0.7,
        "top_p": 1.0,
        "batch_audio_s": 2,
        "generation_states": True,
    },
    "seed": 0,
    "device": "cpu",
}


@pytest.fixture
def job(tmp_path, checkpoint):
    """Run captioning of six clips, one of them too long; returns a function of the output's name."""
    torch.manual_seed(0)
    lengths = {f"c{i}": 20 + i for i in range(5)} | {"long": 80}
    save_file({key: torch.randn(n, 32) for key, n in lengths.items()}, tmp_path / "f.safetensors")
    rows = [
        FeatureRow(Clip(key, ["s"], [], n / 25, 16000, 1, "test", ["a"], key=key), n, 0.0, 0.0, 0.0)
        for key, n in lengths.items()
    ]
    write_index(tmp_path / "f.parquet", rows, {})
    record = tmp_path / "checkpoint.json"
    write_json(record, describe_folder(checkpoint.folder, {}, tmp_path))

    def run(name, chosen=CHOSEN):
        output = tmp_path / f"{name}.jsonl"
        features, index = [tmp_path / "f.safetensors"], [tmp_path / "f.parquet"]
        caption.run(
            CaptionJob.read(chosen, "settings"), features, index, record, output, tmp_path / "work", "code", 1
        )
        return [json.loads(line) for line in output.read_text().splitlines()], output

    return run


def test_a_killed_run_goes_on_and_gives_the_same(job, monkeypatch):
    whole, output = job("whole")
    states = output.with_suffix(".safetensors").read_bytes()
    write, batches = caption.Captions._write, []

    def killed_later(self, batch):
        batches.append(batch)
        if len(batches) == 2:
            raise KeyboardInterrupt
        return write(self, batch)

    monkeypatch.setattr(caption.Captions, "_write", killed_later)
    with pytest.raises(KeyboardInterrupt):
        job("again")
    resumed, output = job("again")
    assert resumed == whole and output.with_suffix(".safetensors").read_bytes() == states
    # The first batch was not written again: one before the kill, the killed one, the rest.
    assert batches[0] not in batches[1:] and batches[1] == batches[2]


def test_a_clip_over_the_limit_fails_with_its_reason_or_is_windowed(job):
    rows, _ = job("error")
    (long,) = [row for row in rows if row["clip_id"] == "long"]
    assert long["status"] == "failed" and "long_audio: error" in long["reason"] and long["text"] is None
    rows, _ = job("window", CHOSEN | {"task": {"name": "t", "long_audio": "window"}})
    (long,) = [row for row in rows if row["clip_id"] == "long"]
    assert long["status"] == "described" and len(long["windows"]) == 2
