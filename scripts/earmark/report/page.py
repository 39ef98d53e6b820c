"""The page: the summary and the files behind it, shaped for ``page.html``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from earmark.core.files import replacing
from earmark.report import overview, paper, shell, summary
from earmark.report.columns import OURS
from earmark.report.figures import Section, Table
from earmark.report.first import Answer
from earmark.report.material import Material
from earmark.report.origins import origins
from earmark.report.points import left_out
from earmark.report.words import banner
from earmark.systems.registry import systems

HOW = ("model.origin.", "model.files.", "runs.")
"""How settings begin that the page shows only when asked to."""


ROOM = 3_000_000
"""Characters of charts and of tables below them that a page has room for: about 60 sections."""

CELL = 60  # characters of markup around a cell's text
BEYOND = (
    "Its charts and tables are left out, so that this page opens at once: `plots` and `tables` make each as "
    "a file beside it."
)


def sections(material: Material) -> Iterator[tuple[str, str, list[Section]]]:
    """Yield every system's name and title with its sections, if it has any."""
    for system in systems():
        drawn = list(system.sections(material)) if system.sections else []
        if drawn:
            yield system.name, system.title, drawn


def answers(material: Material) -> Iterator[tuple[str, str, Answer]]:
    """Yield every system's name and title with what it says first, if it has anything to say."""
    for system in systems():
        found = system.first(material) if system.first else None
        if found is not None:
            yield system.name, system.title, found


def fitting(drawn: Iterable[Section]) -> None:
    """Draw sections as long as the page has room for them, and say of the others that they are left out."""
    left = ROOM
    for section in drawn:
        if left > 0:
            section.draw()
        figures = sum(len(json.dumps(each.specification)) for row in section.figures for each in row)
        left -= figures + sum(
            len(cell.text) + CELL for t in section.tables for line in t.lines for cell in line
        )
        if left < 0 and (section.figures or section.tables or section.later):
            section.figures, section.tables, section.later = [], [], None
            section.notes.append(BEYOND)


def all_tables(table: pd.DataFrame) -> Iterator[tuple[str, Table]]:
    """Yield every table of the page, and those that papers print, with the name their files have."""
    material = Material(table)
    yield "all-results", paper.marked(overview.table(material.points), _banner(material, "partly "))
    for system in systems():
        found = system.first(material) if system.first else None
        yield from paper.tables(system.name, found.pivots if found else ())
        if system.papers is not None:
            yield from (paper.named(system.name, each) for each in system.papers(material))
    for section in all_sections(material):
        for each in section.tables:
            yield f"{section.name}-{each.name}", paper.marked(each, section.banner)


def all_sections(material: Material) -> Iterator[Section]:
    """Yield every section of the page, drawn."""
    for *_, drawn in sections(material):
        for section in drawn:
            section.draw()
            yield section


def build(table: pd.DataFrame, files: Sequence[Path] = ()) -> str:
    """Return the page as HTML; ``files`` are those that systems asked for besides results."""
    material = Material(table, tuple(files))
    records = material.records()
    made = origins(records)
    appendices = [each for system in systems() if system.appendices for each in system.appendices(material)]
    drawn = list(sections(material))
    fitting(section for *_, each in drawn for section in each)
    return shell.render(
        Path(__file__).with_name("page.html"),
        folders=[each.template.parent for each in appendices],
        answers=list(answers(material)),
        systems=drawn,
        names=list(dict.fromkeys(title for _, title, _ in drawn)),
        everything=overview.table(material.points),
        left_out=overview.left_out(left_out(table)),
        appendices=appendices,
        warning=_banner(material, "Where marked so: "),
        provenance=[each for each in made if not each[0].startswith(HOW)],
        made_how=[each for each in made if each[0].startswith(HOW)],
        files=len(records),
        imported=sorted({row["source"] for row in material.points if row["source"] != OURS}),
        results=sum(row["source"] == OURS for row in material.points),
    )


def _banner(material: Material, some: str) -> str:
    """Return the warning that goes with the results, behind ``some`` if only some of them are so."""
    labels = [record["labels"] for record in material.records().values()]
    warning = banner(",".join(label for each in labels for label in each))
    return warning if all(labels) or not warning else f"{some}{warning}"


def write(table: Path, files: Sequence[Path], output: Path) -> None:
    """Write the page of a summary table and of what systems asked for besides results.

    Raises:
        UserError: a file is missing or not what it should be.

    """
    html = build(summary.load(table), files)
    with replacing(output) as partial:
        partial.write_text(html)
