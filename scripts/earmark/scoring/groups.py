"""What a clip belongs to besides its class: ``speaker=1089``, ``person=2;emotion=sad``.

A manifest has one text column for this, so that sources can say as many things as they know.
"""

from __future__ import annotations

from collections.abc import Mapping


def joined(facets: Mapping[str, object]) -> str:
    """Return facets as the text of a manifest's ``group`` column; empty values are left out."""
    return ";".join(f"{_plain(name)}={_plain(value)}" for name, value in facets.items() if _plain(value))


def facets(group: str) -> dict[str, str]:
    """Return a ``group`` text as facets; a text that names none is the facet ``group``."""
    parts = [part.partition("=") for part in group.split(";") if part]
    return {name if equals else "group": value if equals else name for name, equals, value in parts}


def _plain(value: object) -> str:
    """Return a value without the two signs that part facets."""
    return "" if value is None else str(value).replace(";", " ").replace("=", " ").strip()
