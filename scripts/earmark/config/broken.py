"""Files of config/ that cannot be used: said when something asks for them, and in nobody's way until then.

A slip in one task's file stops what needs that task. Everything else goes on as if the file, and what config
says of it, were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from earmark.config.links import Tour
from earmark.config.section import Section
from earmark.config.yaml_files import line_of, near
from earmark.core.files import Json
from earmark.core.places import CONFIG
from earmark.systems.contract import Entries

Broken = dict[tuple[str, str], str]
"""By section and name of an entry: what is wrong with its file, in one line."""

Named = set[tuple[str, str]]
"""Key of config and value that name something broken: ``model`` or ``models``, and its name."""


def file_of(section: str, name: str, workdir: Path) -> Path | None:
    """Return the file of config/ that describes a thing, the working directory's first, or None."""
    places = (workdir / "config" / section / f"{name}.yaml", CONFIG / section / f"{name}.yaml")
    return next((near(path) for path in places if path.is_file()), None)


def explained(path: Path, message: str) -> str:
    """Return a mistake in a file, with the line of the key that it is about."""
    if message.startswith(str(path)):
        return message
    said = re.match(r"\w+ '[^']*': (?:unknown key '(?P<unknown>[\w.-]+)'|(?P<key>[\w.-]+): )", message)
    keys = (said["unknown"] or said["key"]).split(".") if said else []
    line = line_of(path, keys)
    return f"{path}{f', line {line}' if line else ''}: {message}"


def told(broken: Broken) -> str:
    """Return all that is wrong in one line."""
    messages = list(dict.fromkeys(broken.values()))
    if len(messages) == 1:
        return messages[0]
    return f"{len(messages)} files cannot be used: {' | '.join(messages)}"


def spread(broken: Broken, named: dict[str, dict[str, Section]]) -> None:
    """Count among the broken what names something broken, in any number of steps; ``named`` loses it."""
    found = True
    while found:
        found = False
        for section, entries in named.items():
            for name, entry in list(entries.items()):
                tour = Tour()
                entry.model_dump(context=tour)
                if mentioned := next((thing for thing in tour.named if thing in broken), None):
                    broken[section, name] = broken[mentioned]
                    del entries[name]
                    found = True


def without(config: Json, broken: Broken, default_model: str, kinds: Iterable[Entries]) -> Json:
    """Return a config in which no list names what is broken, and no block is for that alone."""
    default = ("models", default_model) in broken
    keys = {kind.section: (kind.section, kind.section.removesuffix("s"), *kind.listed_as) for kind in kinds}
    named = {(key, name) for section, name in broken for key in keys[section]}
    kept = {key: _pruned(value, named, default, key) for key, value in config.items()}
    return {key: value for key, value in kept.items() if value is not None}


def _mentions(value: Any, named: Named, key: str) -> bool:
    """Whether a part of config names something broken; ``key`` is what it stands under."""
    if isinstance(value, Mapping):
        return any(_mentions(each, named, inner) for inner, each in value.items())
    if isinstance(value, list):
        return any(_mentions(each, named, key) for each in value)
    return (key, value) in named


def _pruned(value: Any, named: Named, default: bool, key: str) -> Any:
    """Return a part of config without what names something broken; None where nothing is left of a block."""
    if isinstance(value, list):
        kept = [_pruned(each, named, default, key) for each in value]
        return [each for each in kept if each is not None]
    if not isinstance(value, Mapping):
        return None if _mentions(value, named, key) else value
    if "tasks" in value and default and not {"model", "models"} & value.keys():
        return None  # a block of the default model
    pruned = {inner: _pruned(each, named, default, inner) for inner, each in value.items()}
    emptied = any(value[inner] and pruned[inner] in (None, []) for inner in value)
    return None if emptied else pruned
