"""Samples to listen to: mixture, reference, and every model's estimate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.report.figures import Appendix
from earmark.report.material import Material

SUFFIX = ".sounds.json"


def appendices(material: Material) -> Iterator[Appendix]:
    """Yield the sounds of every set, if there are any."""
    found: dict[str, dict[str, Json]] = {}
    for path in material.files:
        if path.name.endswith(SUFFIX):
            model = path.name.removesuffix(SUFFIX)
            for sample in _read(path):
                entry = found.setdefault(path.parent.name, {}).setdefault(
                    sample["sample"],
                    {"sample": sample["sample"], "query": sample["query"], "sounds": _given(sample)},
                )
                entry["sounds"].append({"name": f"estimate of {model}", "audio": sample["estimate"]})
    sets = [(name, list(samples.values())) for name, samples in sorted(found.items()) if samples]
    if sets:
        yield Appendix("listen", "Separated samples", Path(__file__).with_name("listen.html"), {"sets": sets})


def _given(sample: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "audio": sample[name]} for name in ("mixture", "reference")]


def _read(path: Path) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} holds no sounds ({error}); delete it to make it again") from None
    return found
