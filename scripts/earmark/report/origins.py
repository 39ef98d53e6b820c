"""Where the numbers come from: what made the files, and where files differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 300  # characters of a setting
LEFT_OUT = ("config", "again", "cell")  # in the files; a cell's digest is that of its own settings

Origins = list[tuple[str, list[tuple[str, list[str]]]]]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested settings as dotted name and text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    else:
        text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
        yield name, text if len(text) <= LONGEST else text[:LONGEST] + " …"


def origins(records: Mapping[str, Mapping[str, Any]]) -> Origins:
    """Return what made the files: for each name its values, and for each value the files."""
    found: dict[str, dict[str, list[str]]] = {}
    for path, record in records.items():
        made = {k: value for k, value in record["provenance"].items() if k not in LEFT_OUT}
        if "packages" in made:
            made["packages"] = [f"{name} {version}" for name, version in made["packages"].items()]
        clock = record.get("timing", record)
        made |= {key: clock[key] for key in ("device", "dtype", "attention", "threads") if key in clock}
        for name, text in _flat("", made):
            found.setdefault(name, {}).setdefault(text, []).append(path)
    return [(name, list(values.items())) for name, values in found.items()]
