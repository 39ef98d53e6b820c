"""A user's own folder: audio files and a table of file and label.

Recordings are split by source: the split of a recording is a function of its group (by default the
file itself), so cuts of one original recording never end up on both sides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from earmark.audio import AudioError, probe
from earmark.errors import UserError, nearest
from earmark.files import sha256
from earmark.records import Clip, Part
from earmark.seeding import generator

SEPARATORS = {".csv": ",", ".tsv": "\t"}


def collect(settings: dict[str, Any], folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording of the table, split by source.

    ``settings``: ``root``, ``table`` (below root), ``file_column``, ``label_column``,
    ``licence_column``, ``split_column``, ``group_pattern`` (a regular expression on the file's name
    whose first group names the original recording), ``test_share``.

    Raises:
        UserError: the folder, the table or a column is missing, the pattern doesn't match, or a
            class would be left without training or test recordings.

    """
    root = Path(settings["root"]).expanduser()
    rows = _table(root, settings)
    clips = []
    for row in tqdm(rows, desc="reading headers", unit="file", mininterval=1.0):
        name, label = row[settings["file_column"]], row[settings["label_column"]]
        path = root / name
        clip = Clip(
            clip_id=name,
            source_id=[_group(name, settings.get("group_pattern"))],
            parts=[Part(str(path), 0.0, 0.0)],
            duration_s=0.0,
            sample_rate=0,
            channels=0,
            split=row.get(settings.get("split_column") or "", ""),
            labels=[label],
            licence=row.get(settings.get("licence_column") or "", ""),
        )
        try:
            _contain(root, path)
            header = probe(path)
            clip.parts = [Part(str(path), 0.0, header.duration_s)]
            clip.duration_s, clip.sample_rate, clip.channels = (
                header.duration_s,
                header.sample_rate,
                header.channels,
            )
            clip.sha256 = sha256(path)
        except AudioError as error:
            clip.fail(str(error))
        clips.append(clip)
    if not settings.get("split_column"):
        _split(clips, float(settings["test_share"]), seed)
    yield from clips


def _contain(root: Path, path: Path) -> None:
    """Refuse a file name in the table that leads out of the folder."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise AudioError("leads out of the folder")


def _table(root: Path, settings: dict[str, Any]) -> list[dict[str, str]]:
    """Read the table as rows of text, checking what the user named."""
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    path = root / settings["table"]
    if not path.is_file():
        tables = [p.name for p in root.iterdir() if p.suffix in SEPARATORS]
        raise UserError(f"data.source.table: there is no file {path}; {nearest(path.name, tables)}")
    try:
        table = pd.read_csv(path, sep=SEPARATORS.get(path.suffix, ","), dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"data.source.table: {path} is not a readable table ({error})") from None
    for key in ("file_column", "label_column", "licence_column", "split_column"):
        column = settings.get(key)
        if column and column not in table.columns:
            raise UserError(
                f"data.source.{key}: {path} has no column '{column}'; {nearest(column, table.columns)}"
            )
    if table.empty:
        raise UserError(f"data.source.table: {path} has no rows")
    duplicated = table[settings["file_column"]].duplicated()
    if duplicated.any():
        name = table[settings["file_column"]][duplicated].iloc[0]
        raise UserError(f"data.source.table: {path} lists '{name}' more than once")
    rows: list[dict[str, str]] = [dict(zip(table.columns, row)) for row in table.to_numpy()]
    return rows


def _group(name: str, pattern: str | None) -> str:
    """Return the name of the original recording behind a file."""
    if pattern is None:
        return name
    match = re.search(pattern, Path(name).name)
    if match is None:
        raise UserError(
            f"data.source.group_pattern: '{pattern}' does not match the file name '{Path(name).name}'"
        )
    return match.group(1) if match.groups() else match.group(0)


def _split(clips: list[Clip], test_share: float, seed: int) -> None:
    """Deal the groups of every class to train and test; which goes where depends on seed and name."""
    label_of: dict[str, str] = {}
    for clip in clips:
        label_of.setdefault(clip.source_id[0], clip.labels[0])
    groups: dict[str, list[str]] = defaultdict(list)
    for group, label in label_of.items():
        groups[label].append(group)
    test: set[str] = set()
    for label, members in groups.items():
        n_test = round(test_share * len(members))
        if not 0 < n_test < len(members):
            raise UserError(
                f"data.source: class '{label}' has {len(members)} original recording(s), too few to share "
                f"between train and test (test_share {test_share:g}); add recordings or leave the class out"
            )
        test |= set(sorted(members, key=lambda g: generator(seed, "split", g).random())[:n_test])
    for clip in clips:
        clip.split = "test" if clip.source_id[0] in test else "train"
