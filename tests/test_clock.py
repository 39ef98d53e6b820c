"""Seconds of a recording are those of its container's clock, checked by beeps at known seconds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.audio import clock, mp4_table, waveform
from earmark.audio.program import executable
from earmark.core.errors import AudioError

RATE, LENGTH_S = 48000, 20


def beeps(path: Path) -> Path:
    """A tone of 300 + 100 n Hz for 100 ms at every second n."""
    samples = np.zeros(RATE * LENGTH_S, np.float32)
    t = np.arange(RATE // 10) / RATE
    for second in range(LENGTH_S):
        at = second * RATE
        samples[at : at + len(t)] = 0.5 * np.sin(2 * np.pi * (300 + 100 * second) * t)
    soundfile.write(path, samples, RATE)
    return path


def made(folder: Path, name: str, *arguments: str, before: tuple[str, ...] = ()) -> Path:
    source, path = beeps(folder / "beeps.wav"), folder / name
    command = [executable(), "-nostdin", "-v", "error", "-y", *before, "-i", str(source), *arguments]
    subprocess.run([*command, str(path)], check=True)
    return path


def heard(samples: np.ndarray, rate: int) -> dict[float, int]:
    """Where beeps begin, to 50 ms, and which second of the original each is."""
    found: dict[float, int] = {}
    step = rate // 20
    for number in range(len(samples) // step):
        block = samples[number * step : (number + 1) * step]
        if np.sqrt(np.mean(block**2)) > 0.1:
            spectrum = np.abs(np.fft.rfft(block * np.hanning(step)))
            second = round((float(np.argmax(spectrum)) * rate / step - 300) / 100)
            if second not in found.values():
                found[round(number * step / rate, 2)] = second
    return found


FORMS = [
    ("x.m4a", ("-c:a", "aac")),
    ("x.mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")),
    ("x.webm", ("-c:a", "libopus")),
    ("y.webm", ("-c:a", "libvorbis")),
    ("x.mka", ("-c:a", "aac")),
    ("y.mka", ("-c:a", "flac")),
    ("z.mka", ("-c:a", "libmp3lame")),
]


@pytest.mark.parametrize(("name", "codec"), FORMS)
def test_a_file_without_gaps_has_none(tmp_path, name, codec):
    path = made(tmp_path, name, *codec)
    with path.open("rb") as stream:
        assert clock.silence(stream) == 0
    assert set(heard(*_read(path)).items()) >= {(float(n), n) for n in range(1, 19)}


@pytest.mark.parametrize(("name", "codec"), FORMS[:1] + FORMS[2:4] + FORMS[5:6])
def test_a_track_that_starts_late_is_silent_until_then(tmp_path, name, codec):
    path = made(tmp_path, name, *codec, before=("-itsoffset", "2"))
    decoded = waveform.decode(path)
    assert decoded.filled_s == pytest.approx(2, abs=0.03)
    assert len(decoded.samples) / decoded.sample_rate == pytest.approx(LENGTH_S + 2, abs=0.05)
    assert heard(*_read(path, 12.5, 14.9)) == {0.5: 11, 1.5: 12}


@pytest.mark.parametrize(("name", "codec"), FORMS[:1] + FORMS[2:3] + FORMS[5:6])
def test_a_hole_is_as_long_as_the_clock_says(tmp_path, name, codec):
    path = made(tmp_path, name, "-af", "aselect='not(between(t,6.5,10.4))'", *codec)
    decoded = waveform.decode(path)
    assert decoded.filled_s == pytest.approx(3.9, abs=0.1)
    assert heard(*_read(path, 12.5, 14.9)) == {0.5: 13, 1.5: 14}
    assert waveform.probe(path).duration_s == pytest.approx(LENGTH_S, abs=0.05)


ZEROED = [("x.flv", ("-c:a", "aac", "-ar", "44100")), ("x.wma", ("-c:a", "wmav2"))]
ZEROED += [("x.nut", ("-c:a", "pcm_s16le")), ("y.nut", ("-c:a", "libvorbis"))]
ANYWHERE = [
    ("x.ts", ("-c:a", "aac")),
    ("x.mpg", ("-c:a", "mp2", "-ar", "44100", "-f", "mpeg")),
    ("x.opus", ("-c:a", "libopus")),
]


@pytest.mark.parametrize(("name", "codec"), ZEROED + ANYWHERE)
def test_other_containers_clocks_are_kept_too(tmp_path, name, codec):
    whole = made(tmp_path, name, *codec)
    with whole.open("rb") as stream:
        assert clock.silence(stream) == 0
    holed = made(tmp_path, f"hole-{name}", "-af", "aselect='not(between(t,6.5,10.4))'", *codec)
    decoded = waveform.decode(holed)
    assert decoded.filled_s == pytest.approx(3.9, abs=0.1)
    assert len(decoded.samples) / decoded.sample_rate == pytest.approx(LENGTH_S, abs=0.2)
    seconds = heard(*_read(holed, 12.5, 14.9))
    assert list(seconds.values()) == [13, 14]
    assert list(seconds) == pytest.approx([0.5, 1.5], abs=0.11), "but for the codec's own delay"


@pytest.mark.parametrize(("name", "codec"), ZEROED)
def test_where_the_clock_begins_at_zero_a_late_start_is_silence(tmp_path, name, codec):
    decoded = waveform.decode(made(tmp_path, name, *codec, before=("-itsoffset", "2")))
    assert decoded.filled_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("codec", ["libmp3lame", "ac3"])
@pytest.mark.parametrize("harm", ["hole", "late"])
def test_avi_has_no_clock_but_counts_its_packets(tmp_path, codec, harm):
    assert waveform.decode(made(tmp_path, "x.avi", "-c:a", codec)).filled_s == 0
    if harm == "hole":
        path = made(tmp_path, "hole.avi", "-af", "aselect='not(between(t,6.5,10.4))'", "-c:a", codec)
    else:
        path = made(tmp_path, "late.avi", "-c:a", codec, before=("-itsoffset", "2"))
    with pytest.raises(AudioError, match="wrong length .AVI counts .* packets of sound, .* are there"):
        waveform.decode(path)


def test_opus_in_long_packets_is_read(tmp_path):
    path = made(tmp_path, "x.opus", "-c:a", "libopus", "-b:a", "6k", "-frame_duration", "60")
    decoded = waveform.decode(path)
    assert len(decoded.samples) == LENGTH_S * decoded.sample_rate


DROPPED = [
    ("x.m4a", ("-c:a", "aac")),
    ("x.mp4", ("-c:a", "alac")),
    ("x.webm", ("-c:a", "libopus")),
    ("x.mka", ("-c:a", "aac")),
    ("y.mka", ("-c:a", "flac")),
    ("z.mka", ("-c:a", "libmp3lame")),
]


@pytest.mark.parametrize(("name", "codec"), DROPPED)
def test_a_single_packet_that_was_dropped_moves_nothing(tmp_path, name, codec):
    path, less = made(tmp_path, name, *codec), tmp_path / f"less-{name}"
    command = [executable(), "-nostdin", "-v", "error", "-y", "-i", str(path), "-c", "copy"]
    subprocess.run([*command, "-bsf:a", r"noise=amount=0:drop=eq(n\,100)", str(less)], check=True)
    whole, decoded = waveform.decode(path), waveform.decode(less)
    assert len(decoded.samples) == pytest.approx(len(whole.samples), abs=RATE * 0.002)
    assert 0.019 < decoded.filled_s < 0.11
    assert heard(*_read(less, 12.5, 14.9)) == {0.5: 13, 1.5: 14}


def _read(path: Path, start_s: float = 0.0, end_s: float | None = None) -> tuple[np.ndarray, int]:
    decoded = waveform.decode(path, start_s, end_s)
    return decoded.samples, decoded.sample_rate


@pytest.mark.parametrize(("name", "codec"), FORMS[:1] + FORMS[2:3])
def test_a_whole_file_without_gaps_takes_one_run_of_ffmpeg(tmp_path, runs, name, codec):
    path = made(tmp_path, name, *codec)
    runs.clear()
    length_s = waveform.probe(path).duration_s
    assert len(runs) == 1
    decoded = waveform.decode(path, 0.0, length_s)
    assert len(runs) == 2
    assert len(decoded.samples) == round(length_s * decoded.sample_rate)


@pytest.fixture
def runs(monkeypatch):
    """What is started."""
    found, start = [], subprocess.Popen

    def counted(*arguments, **options):
        found.append(arguments[0])
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", counted)
    return found


MP4 = [
    *FORMS[:1],
    ("y.m4a", ("-c:a", "aac", "-movflags", "+faststart")),
    ("z.m4a", ("-c:a", "alac")),
    ("x.mov", ("-c:a", "pcm_s16le")),
]


@pytest.mark.parametrize(("name", "codec"), MP4)
def test_the_tables_of_mp4_say_that_there_is_no_gap_and_no_packets_are_listed(tmp_path, runs, name, codec):
    path = made(tmp_path, name, *codec)
    with path.open("rb") as stream:
        assert mp4_table.steady(stream)
        listing = clock._listed(stream, 0)
        assert len(listing) > 1000 and clock.gaps(listing) == 0
    runs.clear()
    assert heard(*_read(path, 12.5, 14.9)) == {0.5: 13, 1.5: 14}
    assert len(runs) == 1 and "framecrc" not in runs[0]


# Not of plain samples: MOV writes them behind one another, whatever the clock.
@pytest.mark.parametrize(("name", "codec"), MP4[:3])
@pytest.mark.parametrize("harm", ["late", "hole", "fragments", "two tracks", "cut off"])
def test_they_say_so_of_no_other_file(tmp_path, name, codec, harm):
    late = ("-itsoffset", "2") if harm == "late" else ()
    more = {
        "hole": ("-af", "aselect='not(between(t,6.5,10.4))'"),
        "fragments": ("-movflags", "frag_keyframe+empty_moov"),
        "two tracks": ("-map", "0:a", "-map", "0:a"),
    }
    path = made(tmp_path, name, *codec, *more.get(harm, ()), before=late)
    if harm == "cut off":  # the tables themselves, wherever they stand
        content = path.read_bytes()
        path.write_bytes(content[: content.index(b"stts") + 6])
    with path.open("rb") as stream:
        assert not mp4_table.steady(stream)


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 100, 7])
def test_a_box_of_an_impossible_size_ends_the_look_at_the_tables(tmp_path, size):
    path = made(tmp_path, "x.m4a", "-c:a", "aac")
    path.write_bytes((1).to_bytes(4) + b"free" + size.to_bytes(8) + path.read_bytes())
    with path.open("rb") as stream:
        assert not mp4_table.steady(stream)
