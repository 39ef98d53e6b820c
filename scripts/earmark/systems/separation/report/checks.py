"""What the doctor looks at for separation: weights, tables and audio that have to be fetched by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.core.errors import UserError
from earmark.doctor.findings import MISSING, OK, Finding
from earmark.systems.configuration import Settings
from earmark.systems.separation import request
from earmark.systems.separation.sets import tables

AREA = "systems"
FETCH = {
    "checkpoint": "fetch audiosep_base_4M_steps.ckpt, or set the separator's checkpoint (docs/separation.md)",
    "text": "fetch the encoder's files, or set the separator's text (docs/separation.md)",
    "set": "fetch the evaluation audio and tables, or set root and table (docs/separation.md)",
}


def checks(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each file, and for every benchmark whether its pairs are whole."""
    asked = request.own(settings)
    if asked.separator is None:
        return
    found = request.separator(settings, asked.separator)
    if found.checkpoint is not None:
        yield _file("AudioSep's checkpoint", found.checkpoint, FETCH["checkpoint"])
    for key in ("checkpoint", "tokenizer", "path"):
        place = getattr(found.text, key)
        if place is not None:
            yield _file(f"text encoder: {key}", place, FETCH["text"])
    for name in asked.sets:
        entry = request.mixtures(settings, name)
        if entry.layout != "drawn":
            yield _benchmark(name, entry.layout, Path(entry.root), Path(entry.table), entry.query)


def _file(name: str, place: str, fix: str) -> Finding:
    there = Path(place).expanduser().exists()
    return Finding(AREA, name, OK if there else MISSING, place, "" if there else fix, needed=True)


def _benchmark(name: str, layout: str, root: Path, table: Path, query: str) -> Finding:
    """Return whether every mixture of a benchmark has its source."""
    try:
        count = len(tables.checked(layout, root.expanduser(), table.expanduser(), query))
    except UserError as error:
        return Finding(AREA, f"mixtures {name}", MISSING, str(error), FETCH["set"], needed=True)
    return Finding(AREA, f"mixtures {name}", OK, f"{count} pairs of mixture and source")
