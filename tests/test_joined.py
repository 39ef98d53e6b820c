"""More audio than a header says is read or refused, never left out; so is less."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.audio import mp3, waveform
from earmark.audio.program import executable
from earmark.core.errors import AudioError

RATE = 16000


def tone(hertz: float, seconds: float = 3.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def file(folder: Path, name: str, hertz: float, *codec: str, seconds: float = 3.0) -> bytes:
    soundfile.write(folder / "tone.wav", tone(hertz, seconds), RATE)
    command = [executable(), "-nostdin", "-v", "error", "-y", "-i", str(folder / "tone.wav"), *codec]
    subprocess.run([*command, str(folder / name)], check=True)
    return (folder / name).read_bytes()


def pitch(samples: np.ndarray) -> int:
    return round(float(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / len(samples))


KINDS = [("mp3", ("-b:a", "64k")), ("ogg", ("-c:a", "libvorbis")), ("flac", ()), ("wav", ())]
KINDS += [("m4a", ("-c:a", "aac")), ("wma", ())]


@pytest.mark.parametrize(("suffix", "codec"), KINDS, ids=[kind for kind, _ in KINDS])
def test_streams_that_were_joined_are_read_whole(tmp_path, suffix, codec):
    content = [file(tmp_path, f"{hertz}.{suffix}", hertz, *codec) for hertz in (400, 900)]
    path = tmp_path / f"joined.{suffix}"
    path.write_bytes(b"".join(content))
    alone = waveform.decode(tmp_path / f"400.{suffix}")
    decoded = waveform.decode(path)
    assert (len(decoded.samples), decoded.joined) == (2 * len(alone.samples), 2)
    assert waveform.probe(path).duration_s == len(decoded.samples) / RATE
    halves = np.split(decoded.samples, 2)
    assert [pitch(half) for half in halves] == [400, 900]
    # A cut across the joint is a cut of the whole.
    cut = waveform.decode(path, 2.5, 3.5).samples
    assert np.array_equal(cut, decoded.samples[round(2.5 * RATE) : round(3.5 * RATE)])


CODECS = {
    "wav": (), "flac": (), "ogg": ("-c:a", "libvorbis"), "mp3": ("-b:a", "64k"), "m4a": (), "wma": (),
    "aiff": (), "w64": (), "tta": (), "au": (), "caf": (), "wv": (), "ac3": (), "aac": (), "webm": (),
    "mka": ("-c:a", "flac"), "nut": (), "avi": (), "mov": ("-c:a", "pcm_s16le"), "ts": ("-c:a", "aac"),
    "mpg": ("-ar", "32000"), "flv": ("-c:a", "libmp3lame", "-ar", "22050"), "mp2": (), "voc": (),
    "rf64": ("-rf64", "always", "-f", "wav"),
}  # fmt: skip


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory) -> dict[str, bytes]:
    """Two seconds of a tone in each kind of file, tagged as ffmpeg tags it."""
    folder = tmp_path_factory.mktemp("kinds")
    return {kind: file(folder, f"a.{kind}", 400, *codec, seconds=2.0) for kind, codec in CODECS.items()}


@pytest.mark.parametrize("first", CODECS)
def test_nothing_behind_a_file_is_left_out(tmp_path, every_kind, first):
    path = tmp_path / "joined"
    path.write_bytes(every_kind[first])
    alone = waveform.decode(path)
    for second in {first: None, **BEHIND}:
        path.write_bytes(every_kind[first] + every_kind[second])
        try:
            decoded = waveform.decode(path)
        except AudioError as error:
            assert second != first or first in REFUSED_TWICE, error
            continue
        heard = len(decoded.samples) / len(alone.samples)
        assert 1.9 < heard < 2.1 and {first, second} in ALIKE, (
            f"{second} behind it: {heard:.2f} times as long"
        )


@pytest.mark.parametrize("kind", ["avi", "flv", "wv", "voc", "w64"])
def test_less_than_a_container_promises_refuses_the_file(tmp_path, every_kind, kind):
    path = tmp_path / "cut"
    path.write_bytes(every_kind[kind][: len(every_kind[kind]) * 3 // 5])
    with pytest.raises(AudioError, match="^wrong length"):
        waveform.decode(path)
    with pytest.raises(AudioError, match="^wrong length"):
        waveform.probe(path)


@pytest.mark.parametrize("before", [b"", b"ID3\4\0\0\0\0\1\0" + bytes(128)], ids=["bare", "id3"])
def test_what_stands_behind_flac_refuses_it_with_a_tag_before_it_too(tmp_path, every_kind, before):
    path = tmp_path / "x.flac"
    path.write_bytes(before + every_kind["flac"])
    assert len(waveform.decode(path).samples) == 2 * RATE
    path.write_bytes(before + every_kind["flac"] + every_kind["mp3"])
    with pytest.raises(AudioError, match="wrong length .FLAC ends after"):
        waveform.decode(path)


@pytest.mark.parametrize("kind", CODECS)
def test_a_file_that_ends_in_its_first_bytes_is_a_reason_and_no_traceback(tmp_path, every_kind, kind):
    path = tmp_path / "stub"
    for length in (1, 4, 5, 12, 16, 23, 41, 64):
        path.write_bytes(every_kind[kind][:length])
        with pytest.raises(AudioError):
            waveform.decode(path)


def test_tags_behind_flac_are_no_audio(tmp_path, every_kind):
    path = tmp_path / "tagged.flac"
    tag = b"APETAGEX" + struct.pack("<IIII8x", 2000, 5000 + 32, 1, 0)
    for behind in (b"TAG" + bytes(125), bytes(5000) + tag, bytes(5000) + tag + b"TAG" + bytes(125)):
        path.write_bytes(every_kind["flac"] + behind)
        assert len(waveform.decode(path).samples) == 2 * RATE


BEHIND = dict.fromkeys(("wav", "flac", "mp3", "wv", "nut"))
"""Beginnings that may pass for a chunk, a box or a frame of what they stand behind; others were tried once."""
ALIKE = [*({kind} for kind in CODECS), {"m4a", "mov"}, {"mp3", "mp2"}, {"webm", "mka"}]
REFUSED_TWICE = ("aiff", "au", "caf", "rf64")


@pytest.mark.parametrize("harm", ["joined", "halved"])
@pytest.mark.parametrize("suffix", ["aiff", "au", "caf", "rf64"])
def test_audio_behind_what_a_header_states_refuses_the_file(tmp_path, suffix, harm):
    codec = ("-rf64", "always", "-f", "wav") if suffix == "rf64" else ()
    content = file(tmp_path, f"whole.{suffix}", 400, *codec)
    assert len(waveform.decode(tmp_path / f"whole.{suffix}").samples) == 3 * RATE
    path = tmp_path / f"{harm}.{suffix}"
    if harm == "joined":
        path.write_bytes(2 * content)
    else:
        half = file(tmp_path, f"half.{suffix}", 400, *codec, seconds=1.5)
        # The longer file's samples behind the shorter one's header.
        path.write_bytes(half + content[-96_000:])
    for stretch in ((0.0, None), (0.5, 1.0)):
        with pytest.raises(AudioError, match="wrong length .the header states .* more stand behind"):
            waveform.decode(path, *stretch)


def test_tags_behind_the_samples_of_aiff_are_no_audio(tmp_path):
    tag = ("-write_id3v2", "1", "-metadata", f"title={'x' * 5000}")
    file(tmp_path, "tagged.aiff", 400, *tag)
    assert len(waveform.decode(tmp_path / "tagged.aiff").samples) == 3 * RATE


def test_streams_of_different_forms_are_refused(tmp_path):
    content = file(tmp_path, "a.flac", 400) + file(tmp_path, "b.flac", 400, "-ar", "22050")
    (tmp_path / "joined.flac").write_bytes(content)
    with pytest.raises(AudioError, match="streams of different forms are joined"):
        waveform.decode(tmp_path / "joined.flac")


def test_an_mp3_whose_header_counts_the_first_part_alone_is_read_whole(tmp_path):
    first, second = (file(tmp_path, f"{h}.mp3", h, "-b:a", "64k") for h in (400, 900))
    (start,) = mp3.frames(second).starts
    head = mp3._length(second, start)
    path = tmp_path / "joined.mp3"
    path.write_bytes(first + second[start + head :])
    decoded = waveform.decode(path)
    assert abs(len(decoded.samples) - 6 * RATE) <= 3 * 1152 and decoded.decoder == "ffmpeg"


def test_an_mp3_with_a_count_of_nothing_is_read(tmp_path):
    content = bytearray(file(tmp_path, "a.mp3", 400, "-b:a", "64k"))
    at = content.find(b"Info") if b"Info" in content else content.find(b"Xing")
    content[at + 8 : at + 12] = bytes(4)
    (tmp_path / "a.mp3").write_bytes(content)
    assert abs(len(waveform.decode(tmp_path / "a.mp3").samples) - 3 * RATE) <= 3 * 1152


@pytest.mark.parametrize("harm", ["lost", "garbled"])
@pytest.mark.parametrize("stretch", [(0.0, None), (2.0, 2.5)])
def test_a_lost_or_garbled_mp3_frame_refuses_the_file_and_cuts_behind_it(tmp_path, harm, stretch):
    content = file(tmp_path, "a.mp3", 400, "-b:a", "64k")
    at = mp3.frames(content).starts[0]
    for _ in range(20):
        at += mp3._length(content, at)
    end = at + mp3._length(content, at)
    middle = b"" if harm == "lost" else bytes((7 * n) % 251 for n in range(1200))
    (tmp_path / "a.mp3").write_bytes(content[:at] + middle + content[end + (0 if harm == "lost" else 800) :])
    with pytest.raises(AudioError, match="MP3 frame"):
        waveform.decode(tmp_path / "a.mp3", *stretch)


def test_tags_between_and_behind_frames_are_no_damage(tmp_path):
    content = file(tmp_path, "a.mp3", 400, "-b:a", "64k", "-write_id3v1", "1", "-metadata", "title=x")
    found = mp3.frames(content + b"\0" * 500)
    assert not found.damage and found.counted == found.number


@pytest.mark.parametrize("riff_size", [0, 36])
def test_a_recorder_that_never_wrote_its_length_is_read_to_the_end(tmp_path, riff_size):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(400), RATE)
    content = bytearray(path.read_bytes())
    at = content.find(b"data")
    content[4:8], content[at + 4 : at + 8] = struct.pack("<I", riff_size), bytes(4)
    path.write_bytes(content)
    assert len(waveform.decode(path).samples) == 3 * RATE == round(waveform.probe(path).duration_s * RATE)


def test_a_wav_header_that_counts_less_than_there_is_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(400), RATE)
    content = bytearray(path.read_bytes())
    at = content.find(b"data")
    content[at + 4 : at + 8] = struct.pack("<I", RATE * 2)
    path.write_bytes(content)
    with pytest.raises(
        AudioError, match=r"wrong length .the header states 32000 bytes of samples, 64000 more"
    ):
        waveform.decode(path)


def test_mp3_inside_wav_is_what_ffmpeg_decodes(tmp_path):
    file(tmp_path, "a.wav", 400, "-c:a", "libmp3lame")
    decoded = waveform.decode(tmp_path / "a.wav")
    assert decoded.decoder == "ffmpeg" and abs(len(decoded.samples) - 3 * RATE) <= 3 * 1152
