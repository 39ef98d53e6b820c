"""Reading audio: lengths exact, every unusable file with its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark import audio
from earmark.audio import AudioError


def tone(path: Path, seconds: float, rate: int = 16000, channels: int = 1) -> Path:
    t = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate, subtype="PCM_16")
    return path


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_resampled_audio_has_the_length_of_the_original(tmp_path, rate):
    path = tone(tmp_path / "a.wav", 1.5, rate)
    assert len(audio.read(path, 16000)) == 24000


def test_16_bit_audio_survives_flac_sample_exact(tmp_path):
    path = tone(tmp_path / "a.wav", 0.5)
    samples = audio.read(path, 16000)
    packed = tmp_path / "a.flac"
    packed.write_bytes(audio.flac_bytes(samples, 16000))
    assert np.array_equal(audio.read(packed, 16000), samples)


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.tile([[0.5, 0.0]], (1600, 1)), 16000, subtype="FLOAT")
    assert np.allclose(audio.read(tmp_path / "a.wav", 16000), 0.25)


def test_a_stretch_is_cut_to_the_sample(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    whole = audio.read(path, 16000)
    assert np.array_equal(audio.read(path, 16000, 0.25, 0.5), whole[4000:8000])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "missing"), (b"", "empty file"), (b"<html>no audio</html>" * 50, "unreadable")],
)
def test_what_is_not_audio_has_a_reason(tmp_path, content, reason):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=reason):
        audio.probe(path)


def test_too_short_audio_has_a_reason(tmp_path):
    with pytest.raises(AudioError, match="too short"):
        audio.probe(tone(tmp_path / "a.wav", 0.02))


def test_a_file_cut_off_in_the_middle_is_noticed(tmp_path):
    path = tone(tmp_path / "a.flac", 2.0)
    header = audio.probe(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError):
        audio.read(path, 16000, 0.0, header.duration_s)
