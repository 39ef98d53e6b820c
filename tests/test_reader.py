"""A reader gives the stretches that decoding each by itself gives, and opens a file once for those of it."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import soundfile

from earmark.audio import by_ffmpeg, mp3, reader, waveform
from earmark.audio.program import executable
from earmark.audio.reader import Reader
from earmark.core.errors import AudioError

RATE, LENGTH_S = 22050, 12
STRETCHES = [(0.0, 2.0), (2.0, 4.5), (3.1, 3.2), (8.0, 11.99), (1.0, 2.0)]


def made(folder, suffix, *options):
    samples = 0.4 * np.random.default_rng(0).standard_normal((LENGTH_S * RATE, 2))
    soundfile.write(folder / "a.wav", samples, RATE)
    path = folder / f"made.{suffix}"
    command = [executable(), "-nostdin", "-v", "error", "-y", "-i", str(folder / "a.wav"), *options]
    subprocess.run([*command, str(path)], check=True)
    return path


KINDS = [
    ("wav", ()),
    ("flac", ()),
    ("mp3", ("-b:a", "128k")),
    ("ogg", ("-c:a", "libvorbis")),
    ("m4a", ("-c:a", "aac")),
    ("webm", ("-c:a", "libopus")),
    ("mka", ("-c:a", "flac", "-af", "aselect='not(between(t,5.5,7.4))'")),
]


@pytest.mark.parametrize(("suffix", "options"), KINDS, ids=[kind for kind, _ in KINDS])
@pytest.mark.parametrize("channels", ["mean", "first"])
def test_stretches_are_those_of_single_cuts(tmp_path, suffix, options, channels):
    path = made(tmp_path, suffix, *options)
    with Reader(channels) as many:
        for start_s, end_s in STRETCHES:
            found = many.decode(path, start_s, end_s)
            alone = waveform.decode(path, start_s, end_s, channels)
            assert np.array_equal(found.samples, alone.samples)
            assert (found.clipped, found.filled_s) == (alone.clipped, alone.filled_s)
            assert (found.container, found.decoder) == (alone.container, alone.decoder)


def test_a_file_is_looked_through_once_for_its_stretches(tmp_path, monkeypatch):
    path, walks = made(tmp_path, "mp3"), []
    walk = mp3.frames
    monkeypatch.setattr(mp3, "frames", lambda content: walks.append(1) or walk(content))
    with Reader() as many:
        for start_s, end_s in STRETCHES:
            many.decode(path, start_s, end_s)
    assert len(walks) == 1


def test_what_ffmpeg_decodes_is_decoded_once_for_many_stretches(tmp_path, monkeypatch):
    path, runs = made(tmp_path, "m4a"), []
    decode = by_ffmpeg.decode
    monkeypatch.setattr(by_ffmpeg, "decode", lambda *given: runs.append(1) or decode(*given))
    with Reader() as many:
        for start_s, end_s in STRETCHES:
            many.decode(path, start_s, end_s)
    assert len(runs) == 2  # the first stretch, and all of it for the others


def test_what_is_too_large_to_be_held_is_decoded_stretch_by_stretch(tmp_path, monkeypatch):
    path = made(tmp_path, "m4a")
    monkeypatch.setattr(reader, "MOST_HELD", RATE * 8)
    with Reader() as many:
        for start_s, end_s in STRETCHES:
            alone = waveform.decode(path, start_s, end_s)
            assert np.array_equal(many.decode(path, start_s, end_s).samples, alone.samples)


def test_a_stretch_behind_the_end_is_refused_as_by_itself(tmp_path):
    path = made(tmp_path, "m4a")
    with Reader() as many:
        many.decode(path, 0.0, 1.0)
        for start_s, end_s in [(11.0, 13.0), (20.0, 21.0)]:
            with pytest.raises(AudioError, match="wrong length"):
                many.decode(path, start_s, end_s)
