"""What to run to get a result again: the configuration of a workflow in a folder of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.systems.contract import systems

DEFAULT_MODEL = "demo"
"""What a configuration names where a result needs no model of config/models/."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Request:
    """A configuration, the YAML files beside it (section, name, content), and the target to ask for.

    Nothing else is planned: of what the workflow makes for targets of its own, lists are empty.
    """

    config: dict[str, Any]
    sections: dict[str, dict[str, dict[str, Any]]]
    target: str

    def write(self, folder: Path) -> Path:
        """Write the configuration below ``folder``; returns its main file.

        Files in config/ of a working directory replace the workflow's own of the same name.

        Raises:
            UserError: a name could not be a file's.

        """
        named = [name for entries in self.sections.values() for name in entries]
        for name in (*named, *self.target.split("/")):
            if not NAME.fullmatch(name):
                raise UserError(f"the result names '{name}', which is no name; is it a result of earmark?")
        for section, entries in self.sections.items():
            for name, entry in entries.items():
                _write(folder / "config" / section / f"{name}.yaml", entry)
        main = folder / "config.yaml"
        _write(main, nothing() | self.config)
        return main


def nothing() -> dict[str, Any]:
    """Return the part of a configuration that asks systems for nothing: their lists, empty."""
    return {
        name: []
        for system in systems()
        if system.config is not None
        for name, field in system.config.model_fields.items()
        if field.default == []
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    with replacing(path) as partial:
        partial.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
