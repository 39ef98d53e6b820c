"""Fingerprints: copies are found whatever their format and level, different recordings are not."""

from __future__ import annotations

import itertools
import subprocess

import numpy as np
import pytest

from earmark.audio import containers as ffmpeg
from earmark.audio import waveform as audio
from earmark.audio.fingerprint import NEAR, buckets, fingerprint, similarity


def heard(path):
    return fingerprint(audio.read(path, 16000), 16000)


def encoded(source, path, *options):
    command = [ffmpeg.executable(), "-nostdin", "-v", "error", "-i", str(source), "-map", "0:a", *options]
    subprocess.run([*command, str(path)], check=True)
    return heard(path)


@pytest.fixture(scope="module")
def sounds(real_audio):
    """Fingerprints of one recording of each source of ESC-10."""
    found = {}
    for path in sorted((real_audio / "esc10" / "audio").iterdir()):
        found.setdefault(path.name.split("-")[1], path)
    return {path.name: heard(path) for path in found.values()}


def test_the_same_sentence_as_flac_wav_and_mp3_is_a_near_duplicate(real_audio):
    prints = [
        heard(real_audio / "read_speech_lj" / "audio" / "LJ001-0008.flac"),
        heard(real_audio / "robustness" / "audio" / "LJ001-0008.wav"),
        heard(real_audio / "robustness" / "audio" / "LJ001-0008.mp3"),
    ]
    for a, b in itertools.combinations(prints, 2):
        assert similarity(a, b) == similarity(b, a) > NEAR
        assert set(buckets(a)) & set(buckets(b))


def test_two_sentences_by_one_reader_are_not(real_audio):
    prints = [heard(p) for p in sorted((real_audio / "read_speech_lj" / "audio").iterdir())]
    assert max(similarity(a, b) for a, b in itertools.combinations(prints, 2)) < NEAR


def test_different_sounds_are_hardly_ever_near_and_seldom_share_a_bucket(sounds):
    pairs = list(itertools.combinations(sorted(sounds), 2))
    near = [(a, b) for a, b in pairs if similarity(sounds[a], sounds[b]) >= NEAR]
    # These two are the same recording under two numbers of Freesound: they correlate by 0.97.
    assert near == [("fire_crackling_2-28314-A.ogg", "fire_crackling_2-30322-A.ogg")]
    keys = {name: set(buckets(found)) for name, found in sounds.items()}
    assert np.mean([bool(keys[a] & keys[b]) for a, b in pairs]) < 0.06


@pytest.mark.parametrize(
    "options", [("a.mp3", "-b:a", "32k"), ("a.opus", "-b:a", "16k", "-af", "volume=-6dB")]
)
def test_a_copy_at_a_low_bit_rate_is_found(real_audio, tmp_path, sounds, options):
    name, *how = options
    found = []
    for number, source in enumerate(sorted(sounds)[::8]):
        path = tmp_path / f"{number}{name}"
        found.append(similarity(sounds[source], encoded(real_audio / "esc10" / "audio" / source, path, *how)))
    assert np.mean(np.array(found) >= NEAR) > 0.85


def test_level_and_sample_rate_change_nothing(real_audio):
    samples = audio.read(real_audio / "read_speech_lj" / "audio" / "LJ001-0008.flac", 16000)
    plain = fingerprint(samples, 16000)
    assert fingerprint(samples / 8, 16000) == plain
    assert similarity(plain, fingerprint(audio.resampled(samples, 16000, 32000), 32000)) > 0.95


def test_a_copy_moved_by_some_frames_is_found(real_audio):
    samples = audio.read(real_audio / "esc10" / "audio" / "dog_bark_1-100032-A.ogg", 16000)
    assert similarity(fingerprint(samples, 16000), fingerprint(samples[3000:], 16000)) > NEAR


def test_silence_is_like_nothing(real_audio):
    silence = fingerprint(np.zeros(160000, np.float32), 16000)
    assert silence == b"" and buckets(silence) == []
    assert similarity(silence, silence) == 0.0
    rng = np.random.default_rng(0)
    padded = []
    for _ in range(2):
        samples = np.zeros(160000, np.float32)
        samples[:24000] = rng.standard_normal(24000) * 0.1
        padded.append(fingerprint(samples, 16000))
    assert similarity(*padded) < NEAR


def test_ten_seconds_take_no_more_than_160_bytes():
    noise = np.random.default_rng(0).standard_normal(160000).astype(np.float32)
    assert len(fingerprint(noise, 16000)) <= 160
    assert similarity(fingerprint(noise, 16000), fingerprint(noise, 16000)) == 1.0


@pytest.mark.parametrize("length", [0, 1, 400, 1200, 5000])
def test_the_shortest_clips_have_a_fingerprint_or_none(length):
    found = fingerprint(np.ones(length, np.float32), 16000)
    assert similarity(found, found) in (0.0, 1.0)
    buckets(found)
