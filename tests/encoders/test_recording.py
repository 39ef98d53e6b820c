"""Audio as encoders are given it: mono, its peak at most 1, long training clips cut, 16 kHz."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from earmark.systems.encoders.recording import cropped, peak_limited, recording


def test_a_peak_above_one_is_divided_out_and_no_other():
    quiet = np.array([0.5, -0.25], np.float32)
    assert peak_limited(quiet) is quiet
    assert peak_limited(np.array([2.0, -4.0], np.float32)).tolist() == [0.5, -1.0]
    assert len(peak_limited(np.zeros(0, np.float32))) == 0


def test_only_what_is_longer_is_cut_and_the_same_clip_always_alike():
    samples = np.arange(100, dtype=np.float32)
    assert cropped(samples, 100, "a", 0) is samples
    first, again, other = (cropped(samples, 10, key, 0) for key in ("a", "a", "b"))
    assert first.tolist() == again.tolist() != other.tolist()
    assert len(first) == 10 and np.all(np.diff(first) == 1)


@pytest.mark.parametrize(("crop", "seconds"), [(None, 3.0), (2.0, 2.0)])
def test_a_file_becomes_mono_16_khz_whole_or_cut(tmp_path, crop, seconds):
    tone = np.sin(np.arange(3 * 44100) / 20).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([1.5 * tone, 0.5 * tone], 1), 44100, subtype="FLOAT")
    samples = recording(tmp_path / "a.wav", "a", crop, 0)
    assert len(samples) == 16000 * seconds
    # behind the edges, where a filter overshoots
    assert np.abs(samples[1000:-1000]).max() == pytest.approx(1.0, abs=0.01)


def test_real_recordings_come_out_as_upstream_has_them(real_audio):
    # length, RMS and the first samples of a real run, whose filter is torchaudio's
    expected = {
        "esc10/audio/baby_cry_1-211527-A.ogg": (80016, 0.07555762779800569),
        "spoken_digits/audio/0_jackson_0.flac": (10296, 0.13676129327647044),
        "read_speech_lj/audio/LJ001-0001.flac": (154481, 0.09547912477109881),
    }
    for name, (length, rms) in expected.items():
        theirs = recording(real_audio / name, name, 30, 0, as_upstream=True)
        assert len(theirs) == length
        assert np.sqrt(np.mean(theirs.astype(np.float64) ** 2)) == pytest.approx(rms, abs=1e-8)
        ours = recording(real_audio / name, name, 30, 0)
        assert abs(len(ours) - length) <= 1
        assert np.sqrt(np.mean(ours**2)) == pytest.approx(rms, rel=5e-3)
