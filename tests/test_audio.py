"""Reading audio: lengths exact, every unusable file with its reason."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.audio import containers as ffmpeg
from earmark.audio import ogg
from earmark.audio import waveform as audio
from earmark.core.errors import AudioError
from earmark.core.records import reason_code


def tone(path: Path, seconds: float, rate: int = 16000, channels: int = 1) -> Path:
    t = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate, subtype="PCM_16")
    return path


def transcoded(source: Path, path: Path, *options: str) -> Path:
    """Encode a recording by ffmpeg in the format of the name."""
    command = [ffmpeg.executable(), "-nostdin", "-v", "error", "-i", str(source), "-map", "0:a"]
    subprocess.run([*command, *options, str(path)], check=True)
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


def test_every_16_bit_value_survives_packing(tmp_path):
    values = np.arange(-32768, 32768).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", values, 16000, subtype="PCM_16")
    (tmp_path / "a.flac").write_bytes(audio.flac_bytes(audio.read(tmp_path / "a.wav", 16000), 16000))
    assert np.array_equal(soundfile.read(tmp_path / "a.flac", dtype="int16")[0], values)


def test_louder_than_full_scale_is_clipped(tmp_path):
    (tmp_path / "a.flac").write_bytes(audio.flac_bytes(np.array([2, -2] * 800, np.float32), 16000))
    assert set(soundfile.read(tmp_path / "a.flac", dtype="int16")[0]) == {32767, -32768}


def test_a_film_without_sound_has_a_reason(tmp_path):
    command = [ffmpeg.executable(), "-v", "error", "-f", "lavfi", "-i", "color=size=32x32:duration=0.2"]
    subprocess.run([*command, str(tmp_path / "a.mp4")], check=True)
    with pytest.raises(AudioError, match=r"^no audio \("):
        audio.probe(tmp_path / "a.mp4")


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


ROBUST = {
    # libsndfile decodes these and the checksum in the FLAC header agrees.
    "flactest_faulty_01_-_wrong_max_blocksize.flac": (4.250, "flac", "libsndfile"),
    "flactest_faulty_07_-_other_metadata_blocks_preceding_streaminfo_metadata_block.flac": (
        4.418,
        "flac",
        "libsndfile",
    ),
    "flactest_faulty_10_-_invalid_vorbis_comment_metadata_block.flac": (4.970, "flac", "libsndfile"),
    "flactest_subset_03_-_blocksize_16.flac": (7.000, "flac", "libsndfile"),
    "flactest_subset_19_-_samplerate_35467Hz.flac": (9.964, "flac", "libsndfile"),
    "flactest_subset_21_-_samplerate_22050Hz.flac": (4.955, "flac", "libsndfile"),
    "flactest_subset_23_-_8_bit_per_sample.flac": (7.709, "flac", "libsndfile"),
    "flactest_subset_38_-_3_channels_3.0_.flac": (3.814, "flac", "libsndfile"),
    "flactest_subset_41_-_6_channels_5.1_.flac": (8.100, "flac", "libsndfile"),
    "flactest_subset_60_-_mono_audio.flac": (5.153, "flac", "libsndfile"),
    # The header leaves the length open, so it is counted.
    "flactest_subset_45_-_no_total_number_of_samples_set.flac": (7.009, "flac", "ffmpeg"),
    # No header at all, but every frame tells its form and ffmpeg finds no fault.
    "flactest_uncommon_10_-_file_starting_at_frame_header.flac": (15.072, "flac", "ffmpeg"),
    # 16-bit frames under a header that says 24: the checksum is of other numbers than come out.
    "flactest_faulty_03_-_wrong_bit_depth.flac": "checksum",
    # The header counts 1.66 s of the 4.56 s in the file; which of the two was meant, nobody can say.
    "flactest_faulty_05_-_wrong_total_number_of_samples.flac": "checksum",
    # Mono turns to more and more channels; there is no one audio to return.
    "flactest_uncommon_02_-_increasing_number_of_channels.flac": "undecodable",
    # Bytes before the first frame cannot be told from audio that was lost.
    "flactest_uncommon_11_-_file_starting_with_unparsable_data.flac": "unreadable",
    # Headers that promise what is not there; no decoder reads them.
    "sphinx_bad.wav": "unreadable",
    "sphinx_evil.wav": "unreadable",
    # Without a header its rate and coding would be guesses.
    "sphinx_goforward.raw": "unreadable",
    "lhotse_stereo.opus": (1.005, "ogg", "ffmpeg"),
    "lhotse_stereo.sph": (1.000, "nist", "libsndfile"),
    # Its header does not count the frames: libsndfile would say 2.380 s and find fewer.
    "lhotse_common_voice_en_651325.mp3": (2.376, "mp3", "ffmpeg"),
    "lhotse_ES2011a.Headset-0-40s-46s.wav": (6.000, "wav", "libsndfile"),
    "LJ001-0008.wav": (1.783, "wav", "libsndfile"),
    "LJ001-0008.mp3": (1.783, "mp3", "libsndfile"),
}


@pytest.mark.parametrize("name", ROBUST)
def test_every_odd_file_is_a_correct_clip_or_has_a_reason(real_audio, name):
    folder, wanted = real_audio / "robustness", ROBUST[name]
    path = folder / "audio" / name
    if isinstance(wanted, str):
        with pytest.raises(AudioError) as error:
            header = audio.probe(path)
            audio.read(path, 16000, 0.0, header.duration_s)
        assert reason_code(str(error.value)) == wanted
        return
    header, decoded = audio.probe(path), audio.decode(path)
    duration = len(decoded.samples) / decoded.sample_rate
    assert (round(duration, 3), decoded.container, decoded.decoder) == wanted
    assert (header.duration_s, header.container, header.decoder) == (duration, *wanted[1:])
    made = audio.read(path, 16000, 0.0, header.duration_s)
    assert len(made) == int(duration * 16000 + 0.5)
    with (folder / "metadata.csv").open() as table:
        row = next(r for r in csv.DictReader(table) if r["file"] == f"audio/{name}")
    assert abs(duration - float(row["duration_s"])) < 0.001


def test_the_list_of_odd_files_is_complete(real_audio):
    assert {p.name for p in (real_audio / "robustness" / "audio").iterdir()} == set(ROBUST)


def test_where_both_decoders_read_an_odd_file_they_hear_the_same(real_audio):
    folder = real_audio / "robustness"
    with (folder / "provenance.csv").open() as table:
        rows = [r for r in csv.DictReader(table) if r["decodes_libsndfile"] == r["decodes_ffmpeg"] == "yes"]
    compared = []
    for row in rows:
        path = folder / row["file"]
        # Opus: libsndfile decodes at the rate before encoding, ffmpeg at 48 kHz.
        if not isinstance(ROBUST[path.name], tuple) or path.suffix == ".opus":
            continue
        try:
            with path.open("rb") as file, ffmpeg.decoding(file, max_s=60) as stream:
                one = np.concatenate(list(stream.blocks))
        except ffmpeg.DecodeError:
            assert "blocksize" in path.name  # it goes on where libsndfile need not, and stops
            continue
        other, _ = soundfile.read(path, dtype="float32", always_2d=True, frames=len(one))
        assert np.abs(one - other).max() < (1e-3 if path.suffix == ".mp3" else 1e-7)
        compared.append(path.name)
    assert len(compared) >= 12


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3", "webm", "m4a", "opus"])
def test_a_stretch_of_a_recording_is_that_stretch_of_the_whole(real_audio, tmp_path, kind):
    source = real_audio / "read_speech_lj" / "audio" / "LJ001-0008.flac"
    path = source if kind == "flac" else transcoded(source, tmp_path / f"a.{kind}")
    whole = audio.decode(path)
    for start_s in (0.0, 0.7501, 1.3):
        part = audio.decode(path, start_s, start_s + 0.4)
        first, last = (round(s * whole.sample_rate) for s in (start_s, start_s + 0.4))
        assert part.decoder == ("ffmpeg" if kind in ("webm", "m4a", "opus") else "libsndfile")
        # A jump in MP3 leaves a decoder in a state that differs by rounding.
        assert np.abs(part.samples - whole.samples[first:last]).max() < (1e-7 if kind == "mp3" else 1e-30)


@pytest.mark.parametrize("options", [["-b:a", "64k"], ["-q:a", "9"]])
def test_an_mp3_file_that_does_not_count_its_frames_keeps_its_length(real_audio, tmp_path, options):
    source = real_audio / "read_speech_lj" / "audio" / "LJ001-0008.flac"
    path = transcoded(source, tmp_path / "a.mp3", *options, "-write_xing", "0")
    header = audio.probe(path)
    assert header.decoder == "ffmpeg"
    assert 39325 <= len(audio.decode(path, 0.0, header.duration_s).samples) <= 39325 + 3 * 1152


def test_low_rate_opus_keeps_the_length_of_its_source(real_audio, tmp_path):
    source = real_audio / "esc10" / "audio" / "baby_cry_1-211527-A.ogg"
    path = transcoded(source, tmp_path / "a.opus", "-b:a", "16k")
    assert audio.probe(path).duration_s == pytest.approx(audio.probe(source).duration_s, abs=1e-4)


@pytest.mark.parametrize(
    "name", ["a.raw", "a.au", "a.vox", "a.snd", "a.mp3", "a", "-i.wav", "http:x.wav", "a b'.wav"]
)
def test_a_name_decides_nothing(tmp_path, name):
    content = tone(tmp_path / "source.wav", 0.5).read_bytes()
    (tmp_path / name).write_bytes(content)
    assert audio.probe(tmp_path / name).container == "wav"
    noise = np.random.default_rng(0).integers(0, 256, 20000, dtype=np.uint8).tobytes()
    (tmp_path / name).write_bytes(b"\0" + noise)
    with pytest.raises(AudioError, match="unreadable"):
        audio.probe(tmp_path / name)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "W64", "FLAC"])
def test_a_file_that_was_cut_off_is_refused(tmp_path, kind):
    path = tmp_path / "a"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 48000), 16000, format=kind)
    whole = audio.probe(path).duration_s
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="wrong length|undecodable"):
        audio.probe(path)
        audio.read(path, 16000, 0.0, whole)


def test_a_flipped_bit_in_a_flac_file_is_noticed(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 48000), 16000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(AudioError):
        audio.read(path, 16000)


@pytest.mark.parametrize("kind", ["ogg", "opus", "webm", "m4a"])
@pytest.mark.parametrize("harm", ["zeros", "a gap", "cut off"])
def test_lost_packets_are_noticed_in_whole_files_and_in_stretches(real_audio, tmp_path, kind, harm):
    path = tmp_path / f"a.{kind}"
    source = real_audio / "music_misc" / "audio" / "sorohanro_-_solo-trumpet-06.hq.ogg"
    content = bytearray(transcoded(source, path).read_bytes())
    whole, middle = audio.probe(path).duration_s, len(content) // 2
    if harm == "zeros":
        content[middle : middle + 4096] = bytes(4096)
    else:
        del content[middle : middle + 4096 if harm == "a gap" else len(content)]
    path.write_bytes(content)
    for start_s, end_s in [(0.0, whole), (0.4 * whole, 0.7 * whole)]:
        with pytest.raises(AudioError, match="undecodable|unreadable"):
            audio.decode(path, start_s, end_s)


def test_every_ogg_file_of_the_recordings_has_sound_pages(real_audio):
    paths = sorted((real_audio / "music_misc" / "audio").glob("*.ogg"))
    assert paths and all(ogg.damage(path.read_bytes()) is None for path in paths)


def test_the_first_channel_alone_is_one_of_the_policies(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.tile([[0.5, 0.0]], (1600, 1)), 16000, subtype="FLOAT")
    assert np.allclose(audio.read(tmp_path / "a.wav", 16000, channels="first"), 0.5)


def test_samples_that_are_no_numbers_are_refused(tmp_path):
    wave = np.zeros(1600)
    wave[700] = np.nan
    soundfile.write(tmp_path / "a.wav", wave, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"not finite \("):
        audio.read(tmp_path / "a.wav", 16000)


def test_more_than_an_hour_in_one_clip_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros(3601 * 1000, np.int16), 1000)
    with pytest.raises(AudioError, match=r"too long \(3601 s"):
        audio.read(tmp_path / "a.flac", 16000)
    assert len(audio.read(tmp_path / "a.flac", 8000, 3600.0, 3601.0)) == 8000


@pytest.mark.parametrize("old", [8000, 11025, 22050, 35467, 44100, 48000])
@pytest.mark.parametrize("new", [16000, 32000])
def test_resampling_follows_the_one_rule_of_length(old, new):
    for frames in (1000, 1001, 7919, 30011):
        made = audio.resampled(np.zeros(frames, np.float32), old, new)
        assert len(made) == int(np.floor(frames * new / old + 0.5))


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "flac", "wav"])
def test_a_file_of_many_blocks_has_no_seams(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    samples = 0.3 * np.random.default_rng(0).standard_normal(3 * audio.BLOCK + 100)
    with soundfile.SoundFile(path, "w", 22050, 1) as file:
        for at in range(0, len(samples), 10000):
            file.write(samples[at : at + 10000])
    with soundfile.SoundFile(path) as file:
        whole = file.read(dtype="float32")
    assert np.array_equal(audio.decode(path).samples, whole)
