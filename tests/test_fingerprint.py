"""Fingerprints: copies agree whatever their format, level and shift, different recordings hardly ever."""

from __future__ import annotations

import itertools
import subprocess

import numpy as np
import pytest

from earmark.audio import containers as ffmpeg
from earmark.audio import fingerprint as module
from earmark.audio import waveform as audio
from earmark.audio.fingerprint import HOP_S, RECORD, SLOTS, fingerprint, sketch, votes

RATE = 16000


def heard(path):
    return sketch(fingerprint(audio.read(path, RATE), RATE))


@pytest.fixture(scope="module")
def sounds(real_audio):
    """One recording of each source of ESC-10."""
    found = {}
    for path in sorted((real_audio / "esc10" / "audio").iterdir()):
        found.setdefault(path.name.split("-")[1], path)
    return list(found.values())


def test_the_same_sentence_as_flac_wav_and_mp3_agrees(real_audio):
    prints = [
        heard(real_audio / "read_speech_lj" / "audio" / "LJ001-0008.flac"),
        heard(real_audio / "robustness" / "audio" / "LJ001-0008.wav"),
        heard(real_audio / "robustness" / "audio" / "LJ001-0008.mp3"),
    ]
    for a, b in itertools.combinations(prints, 2):
        assert votes(a, b)[0] > 10


def test_different_sounds_hardly_ever_agree_twice(sounds):
    prints = {path.name: heard(path) for path in sounds}
    agreeing = [
        (a, b) for a, b in itertools.combinations(sorted(prints), 2) if votes(prints[a], prints[b])[0] > 1
    ]
    # These two are the same recording under two numbers of Freesound.
    assert ("fire_crackling_2-28314-A.ogg", "fire_crackling_2-30322-A.ogg") in agreeing
    assert len(agreeing) < 0.001 * len(prints) * (len(prints) - 1) / 2 + 1


@pytest.mark.parametrize(
    ("name", "how", "least"),
    [("a.mp3", ["-b:a", "32k"], 0.95), ("a.opus", ["-b:a", "16k", "-af", "volume=-6dB"], 0.85)],
)
def test_a_copy_at_a_low_bit_rate_agrees(tmp_path, sounds, name, how, least):
    found = []
    for source in sounds[::3]:
        path = tmp_path / name
        command = [ffmpeg.executable(), "-y", "-nostdin", "-v", "error", "-i", str(source), *how, str(path)]
        subprocess.run(command, check=True)
        found.append(votes(heard(source), heard(path))[0])
    assert np.mean(np.array(found) >= 2) >= least


def test_level_and_sample_rate_change_little(real_audio):
    samples = audio.read(real_audio / "read_speech_lj" / "audio" / "LJ001-0008.flac", RATE)
    plain = fingerprint(samples, RATE)
    assert fingerprint(samples / 8, RATE) == plain
    up = sketch(fingerprint(audio.resampled(samples, RATE, 2 * RATE), 2 * RATE))
    assert votes(sketch(plain), up)[0] > SLOTS / 2


def test_the_difference_of_time_is_told(real_audio):
    samples = audio.read(real_audio / "esc10" / "audio" / "dog_bark_1-100032-A.ogg", RATE)
    later = np.concatenate([np.zeros(8000, np.float32), samples])
    count, seconds = votes(sketch(fingerprint(later, RATE)), sketch(fingerprint(samples, RATE)))
    assert count > 10 and seconds == pytest.approx(0.5, abs=HOP_S)
    assert votes(sketch(fingerprint(samples, RATE)), sketch(fingerprint(later, RATE)))[1] == -seconds


@pytest.mark.parametrize("samples", [np.zeros(160000, np.float32), np.full(160000, 1e-5, np.float32)])
def test_silence_has_no_fingerprint_and_is_like_nothing(samples):
    silence = sketch(fingerprint(samples, RATE))
    assert fingerprint(samples, RATE) == b"" and votes(silence, silence) == (0, 0.0)


def test_an_hour_takes_as_much_room_as_a_second_and_blocks_leave_no_seam(monkeypatch):
    noise = np.random.default_rng(0).standard_normal(10 * RATE).astype(np.float32)
    whole = fingerprint(noise, RATE)
    assert len(whole) == len(fingerprint(noise[:RATE], RATE)) == SLOTS * RECORD.itemsize
    monkeypatch.setattr(module, "BLOCK", 64)
    assert fingerprint(noise, RATE) == whole


@pytest.mark.parametrize("length", [0, 1, 400, 1200, 5000])
def test_the_shortest_clips_have_a_fingerprint_or_none(length):
    samples = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    found = sketch(fingerprint(samples, RATE))
    assert votes(found, found)[0] == np.count_nonzero(found["key"])
