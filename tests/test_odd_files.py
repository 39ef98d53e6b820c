"""Every odd file at hand is right, or refused by name; what earmark does to each is the table of docs/odd_files.md.

`EARMARK_WRITE_DOCS=1 python -m pytest tests/test_odd_files.py` writes the table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.audio import waveform
from earmark.config import source as sources
from earmark.core.errors import AudioError, UserError
from earmark.core.places import ROOT
from earmark.core.records import Clip
from earmark.data.sources import list as list_source
from earmark.data.sources import tars, youtube
from earmark.data.sources.labels import Labels

PAGE = ROOT / "docs" / "odd_files.md"
HEAD = """# Odd files, and what becomes of them

Made by `tests/test_odd_files.py` of small files that somebody stumbled over: it says of each what is read, or the reason
that stands in the manifest. Length is in seconds; "joined" counts streams that stand one behind the other, "filled" is
silence where the file's clock goes on without sound.

| file | length | read by | joined | filled |
|---|---|---|---|---|
"""
LISTS = """
## Lists and archives

What a source makes of small ones: the clips that come of them, or the line the job stops with.

| file | source | what becomes of it |
|---|---|---|
"""
MADE = """
## Kinds that tests make

| what | what becomes of it | seen in |
|---|---|---|
| several sound tracks in one file, also in a section of a remote one | the track marked as default is heard, else the first; the audit says `several_tracks` | `audit/test_tracks.py`, `fetch/test_fetcher.py` |
| a file behind another of its kind, of 25 kinds | read whole, but of AIFF, AU, CAF and RF64: refused | `test_joined.py` |
| a file behind one of another kind, of 25 kinds | refused: wrong length, or damage | `test_joined.py` |
| audio behind what AIFF, AU, CAF or RF64 state | refused: wrong length | `test_joined.py` |
| AVI, FLV, WavPack, VOC or W64 that was cut off | refused: wrong length | `test_joined.py` |
| a hole in MPEG-TS, MPEG-PS, FLV, WMA, NUT, Opus; a late start in FLV, WMA, NUT | silence, counted; a broadcast's clock begins with its first packet | `test_clock.py` |
| a hole or a late start in AVI, whose sound is in packets | refused: wrong length | `test_clock.py` |
| Opus in packets of 60 ms | read | `test_clock.py` |
| FLAC whose header counts too few samples | refused: wrong length; with a checksum, whole files by that | `test_flac_frames.py` |
| FLAC that lost a frame | refused: wrong length or checksum | `test_flac_frames.py` |
| a dropped packet in MP4, M4A, WebM, MKV | silence in its place, counted; a Vorbis packet of 2.7 ms is not noticed | `test_clock.py` |
| AAC under the name of WebM, whole or a section of it | read | `fetch/test_fetcher.py` |
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


def _lists(cases: Path, folder: Path) -> Iterator[str]:
    """Yield the rows of the lists and archives, read where recordings of their names lie."""
    (folder / "a").mkdir()
    for number in range(3):
        soundfile.write(folder / "a" / f"{number}.wav", np.full(80_000, 0.1), 8000)
    (folder / "classes.csv").write_text("index,mid,display_name\n0,/m/a,Dog\n1,/m/b,Rain\n")
    for path in sorted(cases.iterdir()):
        if path.suffix not in (".csv", ".tar", ".xz"):
            continue
        copy = folder / path.name
        copy.write_bytes(path.read_bytes())
        kind, clips = _collected(copy)
        try:
            words = "; ".join(map(_clip, list(Labels().watch(clips))))
        except UserError as error:
            words = f"stops: {error}".replace(f"{folder}/", "").replace("|", "\\|").replace("\n", " ")
        yield f"| `{path.name}` | {kind} | {words} |"


def _collected(path: Path) -> tuple[str, Iterator[Clip]]:
    """Return the kind of source that a list or archive is for, and the clips it gives, their labels checked."""
    root, out = str(path.parent), path.parent / "out"
    if path.suffix != ".csv":
        settings = sources.read({"kind": "tars", "root": root, "splits": {"test": path.name}}, "data.source")
        return "tars", tars.collect(settings, out, 0, 1)
    if path.name in ("vggsound.csv", "repeated.csv"):
        classes = str(path.with_name("classes.csv")) if path.name == "repeated.csv" else None
        given = {
            "lists": {"test": str(path)},
            "classes": classes,
            "url": "https://x.test/{id}",
            "licence": "x",
        }
        return "youtube", youtube.collect(
            sources.read({"kind": "youtube", **given}, "data.source"), out, 0, 1
        )
    settings = sources.read({"kind": "list", "root": root, "lists": {"test": path.name}}, "data.source")
    return "list", list_source.collect(settings, out, 0, 1)


def _clip(clip: Clip) -> str:
    """Return a clip in words."""
    part = clip.parts[0]
    end = f"{part.end_s:g}" if part.end_s is not None else "its end"
    return f"{', '.join(map(repr, clip.labels)) or 'no label'} from {part.start_s:g} to {end} s"


def test_the_table_of_odd_files_is_what_happens(real_audio, tmp_path):
    cases = [
        p for p in sorted((real_audio / "cases").iterdir()) if p.suffix in (".mp3", ".ogg", ".webm", ".wav")
    ]
    files = [*cases, *sorted((real_audio / "robustness" / "audio").iterdir())]
    page = HEAD + "".join(f"{_row(path)}\n" for path in files)
    page += LISTS + "".join(f"{row}\n" for row in _lists(real_audio / "cases", tmp_path))
    page += MADE
    for name in re.findall(r"`(\S+\.py)`", MADE):
        assert (ROOT / "tests" / name).is_file()
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
