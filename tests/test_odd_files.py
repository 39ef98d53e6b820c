"""Every odd file at hand is right, or refused by name; what earmark does to each is the table of docs/odd_files.md.

`EARMARK_WRITE_DOCS=1 python -m pytest tests/test_odd_files.py` writes the table.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from earmark.audio import waveform
from earmark.core.errors import AudioError
from earmark.core.places import ROOT

PAGE = ROOT / "docs" / "odd_files.md"
HEAD = """# Odd files, and what becomes of them

Made by `tests/test_odd_files.py` of small files that somebody stumbled over: it says of each what is read, or the reason
that stands in the manifest. Length is in seconds; "joined" counts streams that stand one behind the other, "filled" is
silence where the file's clock goes on without sound.

| file | length | read by | joined | filled |
|---|---|---|---|---|
"""
RIGHT = {
    "joined_mp3.mp3": 96_000,
    "joined_ogg.ogg": 96_000,
    "late_opus.webm": 320_000,
    "data_zero.wav": 48_000,
    "mp3_in_wav.wav": 49_536,
}
"""Samples at 16 kHz; the clock of Matroska counts milliseconds."""


def _row(path) -> str:
    try:
        found = waveform.decode(path)
    except AudioError as error:
        return f"| `{path.name}` | refused: {error} | | | |"
    length = len(found.samples) / found.sample_rate
    filled = f"{found.filled_s:.2f} s" if found.filled_s else ""
    joined = str(found.joined) if found.joined > 1 else ""
    return f"| `{path.name}` | {length:.3f} | {found.decoder} ({found.container}) | {joined} | {filled} |"


def test_the_table_of_odd_files_is_what_happens(real_audio):
    cases = [
        p for p in sorted((real_audio / "cases").iterdir()) if p.suffix in (".mp3", ".ogg", ".webm", ".wav")
    ]
    files = [*cases, *sorted((real_audio / "robustness" / "audio").iterdir())]
    page = HEAD + "".join(f"{_row(path)}\n" for path in files)
    if os.environ.get("EARMARK_WRITE_DOCS"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page


@pytest.mark.parametrize(("name", "samples"), RIGHT.items())
def test_what_is_right_comes_out(real_audio, name, samples):
    assert abs(len(waveform.read(real_audio / "cases" / name, 16000)) - samples) <= 16


def test_a_cut_of_a_late_track_is_by_its_clock(real_audio):
    cut = waveform.read(real_audio / "cases" / "late_opus.webm", 16000, 12.5, 14.9)
    for at, hertz in ((0.5, 1600), (1.5, 1700)):
        block = cut[round(at * 16000) : round((at + 0.1) * 16000)]
        peak = np.argmax(np.abs(np.fft.rfft(block * np.hanning(len(block))))) * 16000 / len(block)
        assert abs(peak - hertz) <= 10


@pytest.mark.parametrize("stretch", [(0.0, None), (3.0, 5.0)])
def test_a_lost_frame_refuses_the_file_and_what_lies_behind_it(real_audio, stretch):
    with pytest.raises(AudioError, match="wrong length .the header counts 231 MP3 frames, 230 are there"):
        waveform.decode(real_audio / "cases" / "frame_lost.mp3", *stretch)
