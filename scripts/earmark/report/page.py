"""The page: the summary and the files behind it, shaped for ``page.html``."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.report import charts, overview, probing, pruning, shell, speedups, summary, tagging, wrong
from earmark.report.columns import LEFT_OUT, OURS, PROBE, PRUNING, TAGGING, TIMING
from earmark.report.figures import Look, Row, Section, Table
from earmark.report.origins import origins
from earmark.report.points import COMPARABLE, left_out, points
from earmark.report.words import banner

HOW = ("model.origin.", "model.files.", "runs.")
"""How settings begin that the page shows only when asked to."""

Records = Mapping[str, Mapping[str, Any]]


def records_of(table: pd.DataFrame, system: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the files behind our rows of a system (all, if None) by path.

    Raises:
        UserError: a file is gone or has changed since the summary was made.

    """
    ours = table[(table["source"] == OURS) & (table["system"] != LEFT_OUT)]
    if system is not None:
        ours = ours[ours["system"] == system]
    found = {}
    for path, digest in sorted(set(zip(ours["result"], ours["digest"], strict=True))):
        try:
            content = Path(path).read_bytes()
        except OSError:
            raise UserError(f"{path} is gone since the summary was made; run summarize.py again") from None
        if hashlib.sha256(content).hexdigest()[:16] != digest:
            raise UserError(f"{path} has changed since the summary was made; run summarize.py again")
        found[path] = json.loads(content)
    return found


def looks(rows: Sequence[Row], timings: Records) -> dict[str, Look]:
    """Return how each method of token reduction is drawn."""
    reducers = {row["method"]: row["reducer"] for row in rows if row["system"] == PRUNING and row["ours"]}
    for point in (point for record in timings.values() for point in record["points"]):
        # A timing file names no reducer: a variant is called like one ("dart-l2").
        name = point["method"]
        reducers.setdefault(name, "-".join(name.split("-")[: 1 + name.startswith("kv-")]))
    return charts.looks(reducers)


def systems(table: pd.DataFrame, rows: Sequence[Row]) -> Iterator[tuple[str, list[Section]]]:
    """Yield every system's name with its sections; a new system adds its line here."""
    timings = records_of(table, TIMING)
    look = looks(rows, timings)
    pruned = records_of(table, PRUNING)
    yield "Token reduction", list(pruning.sections(rows, pruned, look))
    yield "Prefill time", [speedups.section(record, path, look) for path, record in timings.items()]
    yield "Audio tagging", tagging.sections(records_of(table, TAGGING))
    probes = records_of(table, PROBE)
    yield "Embeddings", [probing.section(record, path) for path, record in probes.items()]


def all_tables(table: pd.DataFrame) -> Iterator[tuple[str, Table]]:
    """Yield every table of the page with the name its files have."""
    rows = points(table)
    yield "all-results", overview.table(rows)
    for section in all_sections(table):
        for each in section.tables:
            yield f"{section.name}-{each.name}", each


def all_sections(table: pd.DataFrame) -> Iterator[Section]:
    """Yield every section of the page."""
    for _, sections in systems(table, points(table)):
        yield from sections


def build(table: pd.DataFrame, answers: Sequence[Row] = ()) -> str:
    """Return the page as HTML; ``answers`` are the wrong answers to show."""
    rows = points(table)
    shown = [(name, sections) for name, sections in systems(table, rows) if sections]
    records = records_of(table)
    labels = [record["labels"] for record in records.values()]
    made = origins(records)
    warning = banner(",".join(label for each in labels for label in each))
    return shell.render(
        Path(__file__).with_name("page.html"),
        systems=shown,
        everything=overview.table(rows),
        left_out=overview.left_out(left_out(table)),
        answers=_grouped(answers),
        warning=("" if all(labels) else "Where marked so: ") + warning if warning else "",
        provenance=[each for each in made if not each[0].startswith(HOW)],
        made_how=[each for each in made if each[0].startswith(HOW)],
        files=len(records),
        imported=sorted({row["source"] for row in rows if row["source"] != OURS}),
        results=sum(row["source"] == OURS for row in rows),
    )


def _grouped(answers: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return wrong answers by section, audio as the text a page can play."""
    found: dict[str, list[Row]] = {}
    for row in answers:
        heard = "" if row["audio"] is None else base64.b64encode(row["audio"]).decode()
        found.setdefault(row["section"], []).append({**row, "audio": heard})
    return [(_worded(key), rows) for key, rows in found.items()]


def _worded(section: str) -> str:
    """Return a section of wrong answers in words."""
    named = dict(zip(COMPARABLE, json.loads(section), strict=True))
    return f"{named['task']}, model {named['model']}, {named['device']}, seed {named['seed']}"


def write(table: Path, answers: Path | None, output: Path) -> None:
    """Write the page of a summary table and of a table of wrong answers.

    Raises:
        UserError: a file is missing or not what it should be.

    """
    html = build(summary.load(table), wrong.load(answers) if answers else ())
    with replacing(output) as partial:
        partial.write_text(html)
