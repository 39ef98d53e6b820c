"""The YAML files of a configuration: read, laid over each other."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.config.yaml_files import near, read_yaml
from earmark.core.files import Json


@dataclass(frozen=True)
class File:
    """A YAML file of config/, read when it is asked for."""

    path: Path

    def read(self) -> Any:
        """Return what it says, an empty mapping where it says nothing; raises UserError."""
        return read_yaml(near(self.path)) or {}


def read_folder(folder: Path) -> dict[str, File]:
    """Return the YAML files of a folder by stem."""
    return {path.stem: File(path) for path in sorted(folder.glob("*.yaml"))}


def overlaid(base: Any, over: Any) -> Any:
    """Merge mappings deeply, except that origins replace each other: of weights, and of data.

    ``data`` whose source names its kind is another task's data and replaces the old ones whole; of others the
    keys that stand in it are changed.
    """
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy.deepcopy(over)
    merged = dict(base)
    origins = {"hub", "path", "root", "wheel", "compose", "train", "random_weights"}
    if origins & over.keys():
        merged = {key: value for key, value in merged.items() if key not in origins - over.keys()}
    for key, value in over.items():
        whole = key == "data" and isinstance(value, dict) and "kind" in (value.get("source") or {})
        merged[key] = copy.deepcopy(value) if whole else overlaid(merged.get(key), value)
    return merged


def deep_merged(base: Json, over: Json) -> Json:
    """Lay one config over another as Snakemake does: mappings deeply, everything else replaced."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            merged[key] = deep_merged(inner, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
