"""Sizes that a file states of itself, or a checkpoint of its model, are bounded before memory is taken."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.audio import containers, waveform
from earmark.config.packing import Kept
from earmark.core.errors import AudioError, UserError
from earmark.data.fetch import cut
from earmark.data.fetch.client import Media
from earmark.data.fetch.reasons import Failure
from earmark.models.checkpoint import Checkpoint
from earmark.models.omni import config_of
from earmark.models.qwen2_audio import config_of as config_of_qwen2_audio
from earmark.models.whisper import config_of as config_of_whisper

RATE = 16000


@pytest.fixture
def long(tmp_path) -> Path:
    """Five seconds of noise as FLAC."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * RATE)
    soundfile.write(tmp_path / "long.flac", noise, RATE)
    return tmp_path / "long.flac"


@pytest.mark.parametrize("container", ["flac", "mka"])
def test_no_more_is_decoded_than_is_allowed(long, tmp_path, container):
    path = tmp_path / f"again.{container}"
    subprocess.run([containers.executable(), "-nostdin", "-v", "error", "-i", long, path], check=True)
    assert len(waveform.read(path, RATE, max_s=6)) == 5 * RATE
    with pytest.raises(AudioError, match="too long|more audio than is taken"):
        waveform.read(path, RATE, max_s=2)


def test_a_broken_recording_is_not_read_to_its_end(long, monkeypatch):
    content = bytearray(long.read_bytes())
    content[9000:9100] = bytes(100)
    long.write_bytes(content)
    decoded = []
    monkeypatch.setattr(waveform.Mono, "add", lambda self, block: decoded.append(len(block)))
    with pytest.raises(Failure) as told:
        cut.keep(Media(long, 0.0, 1.0), long.with_suffix(".out"), Kept(sample_rate=RATE))
    assert told.value.reason.kind.permanent and sum(decoded) <= 3 * RATE


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("text_config", "vocab_size", 10**12),
        ("text_config", "hidden_size", -1),
        ("text_config", "num_hidden_layers", 10**6),
        ("text_config", "hidden_size", "64"),
        ("audio_config", "d_model", 0),
        ("audio_config", "encoder_layers", 1.5),
        ("audio_config", "encoder_attention_heads", True),
    ],
)
def test_sizes_of_no_model_end_in_one_line(tmp_path, where, key, value):
    for family, read, content in (
        ("qwen2_5_omni_thinker", config_of, {where: {key: value}}),
        ("qwen2_audio", config_of_qwen2_audio, {where: {key: value}}),
        ("whisper", config_of_whisper, {key: value}),
    ):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": family} | content))
        with pytest.raises(UserError, match=f"config.json is no .*{key} is ") as told:
            read(Checkpoint(tmp_path, {}))
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", ["[]", "{}", "[" * 100_000, '{"model_type": "qwen2_5_omni"}', "1" * 5000])
def test_a_config_of_nothing_ends_in_one_line(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    for read in (config_of_qwen2_audio, config_of_whisper):
        with pytest.raises(UserError) as told:
            read(Checkpoint(tmp_path, {}))
        assert "\n" not in str(told.value)
