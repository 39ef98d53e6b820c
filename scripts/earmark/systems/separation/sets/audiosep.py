"""AudioSep's six benchmarks as rendered by its authors: tables of queries, and pairs of mixture and source.

The tables are the repository's evaluation/metadata/*.csv; the audio is the folder that its README links to.
Every file is looked for before anything is separated, for a set that is silently smaller has another score.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from earmark.audio import waveform
from earmark.core.errors import AudioError, UserError
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.sets.contract import Aggregation, Listed, MixtureSet, Wave

PER_CLASS = 10
"""Of AudioSet: samples of each class, the first by name."""
_SHOWN = 3
_NOTE = "AudioSep's rendered mixtures. Their levels are not documented: see the mixture's own SDR."


@dataclass(frozen=True)
class Pair:
    """A row of a benchmark: names and the two files."""

    name: str
    query: str
    label: str
    source: str
    mixture: Path
    reference: Path


@dataclass(frozen=True)
class Layout:
    """How a benchmark's table is read, and how its scores are aggregated."""

    columns: tuple[str, ...]
    pairs: Callable[[list[dict[str, str]], Path, str], Iterator[Pair]]
    aggregation: Aggregation = "mean"


def _numbered(rows: list[dict[str, str]], root: Path, query: str) -> Iterator[Pair]:
    """AudioCaps, Clotho, ESC-50 and MUSIC: two files per number."""
    for row in rows:
        number = row["idx"]
        yield Pair(
            number,
            row[query],
            row["caption"],
            row["src_wav"],
            root / f"mixture-{number}.wav",
            root / f"segment-{number}.wav",
        )


def _vggsound(rows: list[dict[str, str]], root: Path, query: str) -> Iterator[Pair]:
    """VGGSound: the files are named by the table."""
    for number, row in enumerate(rows):
        yield Pair(
            row.get("idx") or row["file_id"] or str(number),
            row["s0_text"],
            row["s0_text"],
            row["s0_wav"],
            root / row["mix_wav"],
            root / row["s0_wav"],
        )


def _audioset(rows: list[dict[str, str]], root: Path, query: str) -> Iterator[Pair]:
    """AudioSet: a folder per class, in the order of AudioSet's classes, the first ten samples of each."""
    names = {row["idx"]: row["caption"] for row in rows}
    for number in sorted(names, key=int):
        for sample in range(PER_CLASS):
            stem = f"class_id={number},index={sample:03d}"
            folder = root / f"class_id={number}"
            mixture, reference = (folder / f"{stem},{side}.wav" for side in ("mixture", "source"))
            yield Pair(stem, names[number], names[number], stem, mixture, reference)


LAYOUTS = {
    "audiocaps": Layout(("idx", "caption", "labels", "src_wav"), _numbered),
    "clotho": Layout(("idx", "caption", "src_wav"), _numbered),
    "esc50": Layout(("idx", "caption", "src_wav"), _numbered),
    "music": Layout(("idx", "caption", "src_wav"), _numbered, "mean over classes"),
    "vggsound": Layout(("file_id", "mix_wav", "s0_wav", "s0_text"), _vggsound),
    "audioset": Layout(("idx", "caption"), _audioset, "median per class, mean over classes"),
}


def read(layout: str, root: Path, table: Path, query: str = "caption") -> MixtureSet:
    """Return the samples of a benchmark, every file of which is there and fits its partner.

    Args:
        layout: of :data:`LAYOUTS`.
        root: folder of the audio.
        table: the benchmark's CSV.
        query: column that asks: ``caption``, or ``labels`` of AudioCaps.

    Raises:
        UserError: the table or files are missing, or don't fit each other; the first of them are named.

    """
    found = list(pairs(layout, root, table, query))
    problems = [said for pair in found for said in _problems(pair)]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError(
            f"{layout}: {len(problems)} problems in {len(found)} samples below {root}: "
            f"{'; '.join(problems[:_SHOWN])}{more}; complete the folder, or set root to where the audio lies"
        )
    samples = [Listed(pair.name, pair.query, pair.label, pair.source, _loader(pair)) for pair in found]
    return MixtureSet(samples, LAYOUTS[layout].aggregation, _NOTE)


def queries(layout: str, table: Path, query: str = "caption") -> list[str]:
    """Return every query of a benchmark, from its table alone."""
    return list(dict.fromkeys(pair.query for pair in pairs(layout, Path(), table, query)))


def pairs(layout: str, root: Path, table: Path, query: str) -> Iterator[Pair]:
    """Yield the rows of a benchmark; raises UserError if its table can't be read."""
    known = LAYOUTS[layout]
    try:
        with table.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"table: {table} can't be read ({error}); it is AudioSep's evaluation/metadata/*.csv"
        ) from None
    missing = [column for column in known.columns if not rows or column not in rows[0]]
    if missing:
        raise UserError(f"table: {table} has no column '{missing[0]}': not the table of {layout}")
    yield from known.pairs(rows, root, query)


def _problems(pair: Pair) -> Iterator[str]:
    """Yield what is wrong with a pair's files, from their headers."""
    lengths = []
    for path in (pair.mixture, pair.reference):
        if not path.is_file():
            yield f"{path.name} is missing"
            continue
        try:
            header = soundfile.info(str(path))
        except soundfile.LibsndfileError as error:
            yield f"{path.name} can't be read ({error})"
            continue
        lengths.append((header.frames, header.samplerate))
    if len(lengths) == 2 and lengths[0] != lengths[1]:
        (a, rate), (b, other) = lengths
        yield f"{pair.mixture.name} has {a} frames at {rate} Hz and {pair.reference.name} {b} at {other}"


def _loader(pair: Pair) -> Callable[[], tuple[Wave, Wave]]:
    def load() -> tuple[Wave, Wave]:
        mixture, reference = (waveform.read(path, SAMPLE_RATE) for path in (pair.mixture, pair.reference))
        if len(mixture) != len(reference):
            raise AudioError(f"wrong length ({len(mixture)} and {len(reference)} samples)")
        return mixture, reference

    return load
