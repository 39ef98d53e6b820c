"""What a page is made of: figures, tables and sections; how they are drawn is the templates' business."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earmark.core.files import Json
from earmark.report.words import DASH

Row = Json


@dataclass(frozen=True)
class Look:
    """How a method is drawn, on every chart of the page."""

    colour: str
    shape: str
    dash: list[int]
    hollow: bool = False


Legend = list[tuple[str, Look | str]]


@dataclass
class Figure:
    """A chart with its title, legend and the remarks without which it would mislead."""

    title: str
    specification: Json
    legend: Legend = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    min_width: int = 0
    numbers: str = "in the table of all results"  # where to read them
    key: str = ""
    trend: str = ""
    """What it shows, in a sentence, for those who do not see it."""

    @property
    def name(self) -> str:
        """What files of this figure are called."""
        return slug(self.key or self.title)


@dataclass(frozen=True)
class Cell:
    """A table's cell; ``key`` is what a number is sorted by, ``hover`` what is said when asked."""

    text: str
    key: float | None = None
    hover: str = ""
    beside: str = ""
    """What stands in smaller letters beside the text: its interval."""
    strong: bool = False


MOST = 14
"""Columns that a wide screen has room for."""


@dataclass
class Table:
    """A table to sort and filter, and to export; columns named in ``numbers`` hold numbers."""

    title: str
    columns: Sequence[str]
    lines: list[list[Cell]]
    notes: list[str] = field(default_factory=list)
    numbers: frozenset[str] = frozenset()
    folded: bool = False
    """Whether the page shows it only when asked to."""
    on_screen: frozenset[str] = frozenset()
    """Columns that paper has no room for."""
    first: frozenset[str] = frozenset()
    """Columns that a phone shows at once, the others when asked to; none: all at once."""
    late: frozenset[str] = frozenset()
    """Columns that a wide screen, too, shows only when asked to."""
    caption: str = ""
    """What a paper says above it, two lines at most; none: its title."""
    across: str = ""
    """What all columns but the first are, where they are of one kind."""
    marks: list[dict[str, str]] = field(default_factory=list)
    """Of every line, what the page's filters go by: ``system``, ``task``, ``model``, ``method``, ``made``."""

    def style(self, column: str) -> str:
        """Return the CSS classes of a column."""
        kinds = (
            ("number", self.numbers),
            ("screen", self.on_screen),
            ("first", self.first),
            ("late", self.late),
        )
        return " ".join(name for name, columns in kinds if column in columns)

    @property
    def crowded(self) -> bool:
        """Whether even a wide screen has no room for its columns, and shows what a phone does."""
        return bool(self.first) and len(set(self.columns) - self.late) > MOST

    def marked(self, line: int) -> dict[str, str]:
        """Return the attributes of a line by which filters find it."""
        return {f"data-{name}": value for name, value in self.marks[line].items()} if self.marks else {}

    @property
    def name(self) -> str:
        """What files of this table are called."""
        return slug(self.title)


@dataclass
class Section:
    """What can be compared: results of one task, model, device and seed, a timing file or a probe."""

    title: str
    facts: list[str]
    banner: str
    figures: list[list[Figure]]
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    key: str = ""
    of: dict[str, str] = field(default_factory=dict)
    """What the page's filters go by: ``task``, ``model``, ``made``."""
    later: Callable[[], tuple[list[list[Figure]], list[Table]]] | None = None
    """Makes figures and tables, where that takes long and sections can be more than a page has room for."""

    def draw(self) -> None:
        """Make the figures and tables that were put off."""
        if self.later is not None:
            self.figures, self.tables = self.later()
            self.later = None

    @property
    def name(self) -> str:
        """What files of this section are called."""
        return slug(self.key or self.title)


def slug(text: str) -> str:
    """Return a text as part of a file name: lower-case letters and digits, joined by ``-``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80] or "untitled"


@dataclass
class Appendix:
    """What a system shows at the end of the page, drawn by a template of its own."""

    name: str
    title: str
    template: Path
    values: Json


def number(value: float | int | None, text: str | None = None) -> Cell:
    """Return the cell of a number, as it is or as ``text``; a dash where there is none."""
    return Cell(DASH) if value is None else Cell(str(value) if text is None else text, float(value))


def texts(*words: str) -> list[Cell]:
    """Return cells that are sorted as they read."""
    return [Cell(word) for word in words]
