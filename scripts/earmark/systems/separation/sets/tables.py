"""The tables of AudioSep's six benchmarks: which mixture goes with which source, and what is missing.

The tables are the repository's evaluation/metadata/*.csv; the audio is the folder that its README links to.
Every file is looked for before anything runs, for a set that is silently smaller has another score. Imported
when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from earmark.core.errors import UserError

Aggregation = Literal["mean", "mean over classes", "median per class, mean over classes"]
Rows = list[dict[str, str]]

PER_CLASS = 10
"""Of AudioSet: samples of each class, the first by name."""
_SHOWN = 3


@dataclass(frozen=True)
class Pair:
    """A row of a benchmark: names and the two files.

    ``source`` names the recording that is to be found, whatever it is mixed with. ``label`` is its class;
    None where the queries are captions.
    """

    name: str
    query: str
    label: str | None
    source: str
    mixture: Path
    reference: Path


@dataclass(frozen=True)
class Layout:
    """How a benchmark's table is read, and how its scores are aggregated."""

    columns: tuple[str, ...]
    pairs: Callable[[Rows, Path, str], Iterator[Pair]]
    aggregation: Aggregation = "mean"


def _numbered(rows: Rows, root: Path, query: str) -> Iterator[Pair]:
    """ESC-50: two files per number."""
    for row in rows:
        number = row["idx"]
        mixture, segment = (root / f"{side}-{number}.wav" for side in ("mixture", "segment"))
        yield Pair(number, row[query], row["caption"], row["src_wav"], mixture, segment)


def _captioned(rows: Rows, root: Path, query: str) -> Iterator[Pair]:
    """AudioCaps and Clotho: the same, asked by captions, of which a recording has five."""
    for each in _numbered(rows, root, query):
        yield replace(each, label=None)


def _music(rows: Rows, root: Path, query: str) -> Iterator[Pair]:
    """MUSIC: the same; a video is cut into numbered segments, and each is mixed with nine others."""
    for each in _numbered(rows, root, query):
        yield replace(each, source=re.sub(r"_\d+\.wav$", "", each.source))


def _vggsound(rows: Rows, root: Path, query: str) -> Iterator[Pair]:
    """VGGSound: files are named by the table, and by both recordings; ten mixtures have one target."""
    for number, row in enumerate(rows):
        yield Pair(
            row.get("idx") or row["file_id"] or str(number),
            row["s0_text"],
            row["s0_text"],
            row["file_id"].partition("+++")[0] or row["s0_wav"],
            root / row["mix_wav"],
            root / row["s0_wav"],
        )


def _audioset(rows: Rows, root: Path, query: str) -> Iterator[Pair]:
    """AudioSet: a folder per class, in the order of AudioSet's classes, the first ten samples of each."""
    names = {row["idx"]: row["caption"] for row in rows}
    for number in sorted(names, key=int):
        for sample in range(PER_CLASS):
            stem = f"class_id={number},index={sample:03d}"
            folder = root / f"class_id={number}"
            mixture, reference = (folder / f"{stem},{side}.wav" for side in ("mixture", "source"))
            yield Pair(stem, names[number], names[number], stem, mixture, reference)


LAYOUTS = {
    "audiocaps": Layout(("idx", "caption", "labels", "src_wav"), _captioned),
    "clotho": Layout(("idx", "caption", "src_wav"), _captioned),
    "esc50": Layout(("idx", "caption", "src_wav"), _numbered),
    "music": Layout(("idx", "caption", "src_wav"), _music, "mean over classes"),
    "vggsound": Layout(("file_id", "mix_wav", "s0_wav", "s0_text"), _vggsound),
    "audioset": Layout(("idx", "caption"), _audioset, "median per class, mean over classes"),
}


def checked(layout: str, root: Path, table: Path, query: str = "caption") -> list[Pair]:
    """Return the rows of a benchmark, every file of which is there and fits its partner.

    Args:
        layout: of :data:`LAYOUTS`.
        root: folder of the audio.
        table: the benchmark's CSV.
        query: column that asks: ``caption``, or ``labels`` of AudioCaps.

    Raises:
        UserError: the table or files are missing, or don't fit each other; the first of them are named.

    """
    found = pairs(layout, root, table, query)
    problems = [said for pair in found for said in _problems(pair, root)]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError(
            f"{layout}: {len(problems)} problems in {len(found)} samples below {root}: "
            f"{'; '.join(problems[:_SHOWN])}{more}; complete the folder, or set root to where the audio lies"
        )
    return found


def queries(layout: str, table: Path, query: str = "caption") -> list[str]:
    """Return every query of a benchmark, from its table alone."""
    return list(dict.fromkeys(pair.query for pair in pairs(layout, Path(), table, query)))


def pairs(layout: str, root: Path, table: Path, query: str) -> list[Pair]:
    """Return the rows of a benchmark; raises UserError if its table can't be read or names one twice."""
    known = LAYOUTS[layout]
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"table: {table} can't be read ({error}); it is AudioSep's evaluation/metadata/*.csv"
        ) from None
    missing = [column for column in known.columns if not rows or column not in rows[0]]
    if missing:
        raise UserError(f"table: {table} has no column '{missing[0]}': not the table of {layout}")
    for number, row in enumerate(rows, start=2):
        empty = [column for column in known.columns if row[column] is None]
        if empty or (layout == "audioset" and not row["idx"].isdecimal()):
            said = f"lacks '{empty[0]}'" if empty else f"has idx '{row['idx']}', which is no number"
            raise UserError(f"table: {table}: row {number} {said}; fetch the table again")
    found = list(known.pairs(rows, root, query))
    _refuse_twice(found, table)
    return found


def _refuse_twice(found: Sequence[Pair], table: Path) -> None:
    [(name, times)] = Counter(pair.name for pair in found).most_common(1)
    if times > 1:
        raise UserError(f"table: {table} has {times} rows of '{name}'; fetch the table again")


def _problems(pair: Pair, root: Path) -> Iterator[str]:
    """Yield what is wrong with a pair's files, from their headers."""
    import soundfile  # slow to import, and most runs have no benchmark

    lengths = []
    for path in (pair.mixture, pair.reference):
        if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
            yield f"{path} is not below the folder"
            continue
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
