"""Of several sound tracks in a file the default one is heard, and that there are others is said."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from planted import clip

from earmark.audio import waveform
from earmark.audio.containers import executable
from earmark.audio.measure import measured
from earmark.audio.reader import Reader
from earmark.data.audit import checks

HERTZ = (400, 900, 1600)


def film(folder, name, default, codec="aac"):
    """Three seconds with three tracks, each a tone; ``default`` is the one so marked, None for none."""
    command = [executable(), "-nostdin", "-v", "error", "-y"]
    for hertz in HERTZ:
        command += ["-f", "lavfi", "-i", f"sine={hertz}:d=3:r=16000"]
    for number in range(len(HERTZ)):
        command += ["-map", str(number), f"-disposition:a:{number}", "default" if number == default else "0"]
    path = folder / name
    subprocess.run([*command, "-c:a", codec, str(path)], check=True)
    return path


def tone(decoded):
    spectrum = np.abs(np.fft.rfft(decoded.samples * np.hanning(len(decoded.samples))))
    return round(float(np.argmax(spectrum)) * decoded.sample_rate / len(decoded.samples), -1)


@pytest.mark.parametrize(("name", "codec"), [("a.mka", "aac"), ("a.mp4", "aac"), ("a.webm", "libopus")])
@pytest.mark.parametrize("default", [None, 0, 2])
def test_the_track_marked_as_default_is_heard_else_the_first(tmp_path, name, codec, default):
    path = film(tmp_path, name, default, codec)
    for stretch in ((0.0, None), (1.0, 2.0)):
        decoded = waveform.decode(path, *stretch)
        assert (tone(decoded), decoded.tracks) == (HERTZ[default or 0], 3)
    assert waveform.probe(path).duration_s == pytest.approx(3, abs=0.1)


def test_cuts_of_one_file_are_all_of_that_track(tmp_path):
    path = film(tmp_path, "a.mka", 1)
    with Reader() as reader:
        assert [tone(reader.decode(path, at, at + 0.5)) for at in (0.0, 1.0, 2.0)] == [HERTZ[1]] * 3


def test_the_audit_says_that_there_are_others(tmp_path):
    decoded = waveform.decode(film(tmp_path, "a.mka", 1))
    found = clip(0, "test", "x", measures=measured(decoded.samples, decoded.sample_rate, [decoded]))
    assert ("several_tracks", "3 in one file") in list(checks.seen(found))
