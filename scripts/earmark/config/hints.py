"""Where a name that the configuration does not know is described."""

from __future__ import annotations

from collections.abc import Mapping

from earmark.config.yaml_files import read_yaml
from earmark.core.errors import nearest
from earmark.core.places import CONFIG


def where_described(section: str, name: str, known: Mapping[str, object]) -> str:
    """Return which file of config/ describes a name and how to add it; else the nearest known name."""
    for path in sorted(CONFIG.glob("*.yaml")):
        content = read_yaml(path)
        if isinstance(content, dict) and name in (content.get(section) or {}):
            return f"config/{path.name} describes it: add --configfile config/{path.name}"
    return nearest(name, known)
