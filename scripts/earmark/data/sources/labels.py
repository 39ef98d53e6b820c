"""Labels as config wants them, and those that a reader would take for one another: named, never merged.

`dog`, `dog ` and `Dog` are three classes to a program and one to whoever wrote them.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import Clip

MOST = 100_000
"""More different labels than this are no classes, and aren't compared."""
NAMED = 5
"""So many groups of labels are named."""
MARKS = str.maketrans("‐‑‒–—−’‘“”", "------''\"\"")
"""Dashes and quotes that a keyboard has no key for."""
LETTERS = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧον",
    "ABESIJKMHOPCTXYaesijopcyxABEZHIKMNOPTYXov",
)  # noqa: RUF001
"""Cyrillic and Greek letters that look like Latin ones: compared, and never changed."""


@dataclass(frozen=True)
class Labels:
    """What is done to labels: the keys of ``data.labels``."""

    strip: bool = False
    normalise: bool = False
    lower: bool = False
    alike: str = "refuse"

    def applied(self, label: str) -> str:
        """Return a label as config wants it."""
        if self.normalise:
            label = unicodedata.normalize("NFKC", label).translate(MARKS)
            label = "".join(c for c in label if unicodedata.category(c) != "Cf")
        label = " ".join(label.split()) if self.strip else label
        return label.lower() if self.lower else label

    def watch(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Yield clips with their labels as wanted.

        Raises:
            UserError: at the end, if labels are left that look alike and config doesn't say they should.

        """
        seen: dict[str, dict[str, int]] = defaultdict(dict)
        different = 0
        for clip in clips:
            clip.labels = [self.applied(label) for label in clip.labels]
            clip.options = [self.applied(option) for option in clip.options]
            for label in clip.labels if different <= MOST else ():
                spelt = seen[alike(label)]
                different += label not in spelt
                spelt[label] = spelt.get(label, 0) + 1
            yield clip
        groups = [spelt for spelt in seen.values() if len(spelt) > 1]
        if groups and self.alike == "refuse" and different <= MOST:
            raise UserError(_told(groups))


def alike(label: str) -> str:
    """Return what labels have in common that a reader would take for one another."""
    return Labels(strip=True, normalise=True).applied(label).translate(LETTERS).casefold()


def _told(groups: list[dict[str, int]]) -> str:
    """Return the message about labels that look alike, with the keys that make each group one."""
    rest = f" and {len(groups) - NAMED} more" if len(groups) > NAMED else ""
    named = "; ".join(
        ", ".join(f"{_shown(label)} ({count})" for label, count in sorted(spelt.items()))
        for spelt in groups[:NAMED]
    )
    keys = ", ".join(f"{key}: true" for key in cure(groups))
    one = f"set data.labels to {{{keys}}} to make them one" if keys else "correct them at their source"
    return (
        f"labels that differ by space, case or look alone: {named}{rest}; {one}, or set data.labels to "
        "{alike: keep} if they are different classes"
    )


def _shown(label: str) -> str:
    """Return a label so that what can't be seen of it is."""
    return repr(label) if label.isascii() else ascii(label)


def cure(groups: Iterable[Json]) -> list[str]:
    """Return the fewest keys of ``data.labels`` that make every group one label; none if none do."""
    tried = (
        ["strip"],
        ["lower"],
        ["normalise"],
        ["strip", "lower"],
        ["strip", "normalise"],
        ["normalise", "lower"],
        ["strip", "normalise", "lower"],
    )
    spelt = [list(group) for group in groups]
    for keys in tried:
        one = Labels(strip="strip" in keys, normalise="normalise" in keys, lower="lower" in keys)
        if all(len({one.applied(label) for label in group}) == 1 for group in spelt):
            return keys
    return []
