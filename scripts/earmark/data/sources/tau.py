"""TAU Urban Acoustic Scenes: ten scenes, recorded at places of several cities.

Labels and places come from the corpus's ``meta.csv`` (tab-separated: filename, scene_label,
identifier, source_label). The scene is taken from its column in full, never cut out of a file or
folder name: ``metro_station`` is not ``metro``. A place (scene and identifier) is the group that is
joined by and dealt to one split; several devices that heard the same moment share one ``source_id``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from earmark.config.sources.tau import Source
from earmark.core.errors import UserError, nearest
from earmark.core.records import Clip
from earmark.data.sources.corpus import completed, file_of, recording, root_of, side

COLUMNS = ("filename", "scene_label", "identifier", "source_label")


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording of the table, in its order.

    Raises:
        UserError: the folder or the table is missing, the table lacks a column or a device.

    """
    table = file_of(settings, "table", settings.table)
    return completed(settings, _rows(table, settings, seed), threads)


def _rows(table: Path, settings: Source, seed: int) -> Iterator[Clip]:
    """Yield a row per line of the table; failed where a cell is empty or a file is listed again."""
    root = root_of(settings)
    wanted, found = set(settings.devices), set()
    seen: set[str] = set()
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            for column in COLUMNS:
                if column not in (rows.fieldnames or ()):
                    hint = nearest(column, rows.fieldnames or ())
                    raise UserError(f"data.source.table: {table} has no column '{column}'; {hint}")
            for number, row in enumerate(rows, start=2):
                name, scene, place, device = ((row[column] or "").strip() for column in COLUMNS)
                found.add(device)
                if wanted and device not in wanted:
                    continue
                group = f"{scene} {place}"
                split = side(group, settings.test_share, seed)
                clip = recording(settings, settings.licence, root / name, scene or "unknown", group, split)
                stem = Path(name).stem
                clip.source_id = [stem.removesuffix(f"-{device}") if device else stem]
                if not (name and scene and place):
                    clip.fail(f"no label (line {number} of {table.name})")
                if name in seen:
                    clip.clip_id = f"{clip.clip_id} (line {number})"
                    clip.fail("listed twice")
                seen.add(name)
                yield clip
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"data.source.table: {table} is not a readable table ({error})") from None
    for device in sorted(wanted - found):
        raise UserError(f"data.source.devices: {table} has no device '{device}'; {nearest(device, found)}")
