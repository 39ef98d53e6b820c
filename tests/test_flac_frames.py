"""What FLAC frames say of themselves is held against the header: counts, lost frames, sizes that lead a jump astray."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from earmark.audio import flac_frames, waveform
from earmark.core.errors import AudioError

RATE, LENGTH = 16000, 50_000
MD5 = slice(26, 42)


@pytest.fixture
def flac(tmp_path):
    """A file of 13 frames of 4,096 samples, the last one shorter."""
    samples = (8000 * np.random.default_rng(0).standard_normal(LENGTH)).clip(-32768, 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", samples, RATE, subtype="PCM_16")
    return tmp_path / "a.flac"


def starts(content):
    """Where frames begin, by their numbers alone: every one of this file is less than 128."""
    found, at = [], 0
    while (at := content.find(b"\xff\xf8", at + 1)) >= 0:
        found += [at] * (content[at + 4] == len(found))
    return found


def counting(path, samples, *, md5):
    """Make the header count other samples than there are, without a checksum unless ``md5``."""
    content = bytearray(path.read_bytes())
    content[22:26] = samples.to_bytes(4)  # the lower 32 of 36 bits
    if not md5:
        content[MD5] = bytes(16)
    path.write_bytes(content)


def test_frames_are_counted_as_libsndfile_counts_samples(flac):
    assert flac_frames.frames(flac.read_bytes()) == flac_frames.Frames(LENGTH, steady=True)
    assert flac_frames.frames(b"RIFF") is None


@pytest.mark.parametrize("counted", [30_000, 49_999])
@pytest.mark.parametrize("stretch", [(0.0, None), (0.5, 1.0)])
def test_a_header_that_counts_too_few_samples_is_refused(flac, counted, stretch):
    counting(flac, counted, md5=False)
    with pytest.raises(
        AudioError, match=f"wrong length .the FLAC header counts {counted} samples, its frames"
    ):
        waveform.decode(flac, *stretch)


def test_with_a_checksum_whole_files_are_held_against_that(flac):
    counting(flac, 30_000, md5=True)
    with pytest.raises(AudioError, match="checksum"):
        waveform.decode(flac)
    with pytest.raises(AudioError, match="wrong length"):
        waveform.decode(flac, 0.5, 1.0)


def test_a_lost_frame_refuses_cuts_before_and_behind_it(flac):
    content = flac.read_bytes()
    at = starts(content)
    assert len(at) == 13
    flac.write_bytes(content[: at[5]] + content[at[6] :])
    for stretch in ((0.1, 0.5), (2.0, 3.0)):
        with pytest.raises(AudioError, match="wrong length .the FLAC header counts 50000 samples"):
            waveform.decode(flac, *stretch)


def test_a_wrong_size_of_blocks_moves_no_cut(flac):
    whole = waveform.decode(flac).samples
    content = bytearray(flac.read_bytes())
    content[8:12] = (512).to_bytes(2) + (512).to_bytes(2)
    flac.write_bytes(content)
    for start_s in (0.0, 0.7, 2.1):
        first = round(start_s * RATE)
        cut = waveform.decode(flac, start_s, start_s + 0.9).samples
        assert np.array_equal(cut, whole[first : first + len(cut)])


def test_a_cut_of_the_published_file_with_a_wrong_size_is_that_stretch_of_the_whole(real_audio):
    path = real_audio / "robustness" / "audio" / "flactest_faulty_01_-_wrong_max_blocksize.flac"
    whole = waveform.decode(path)
    for start_s in (0.0, 0.9, 3.1):
        first = round(start_s * whole.sample_rate)
        cut = waveform.decode(path, start_s, start_s + 1.0).samples
        assert np.array_equal(cut, whole.samples[first : first + len(cut)])
