"""The files of config/ that describe a thing each: read, laid over one another, mistakes kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from earmark.config.broken import Broken, explained, file_of
from earmark.config.common import Config
from earmark.config.files import overlaid, read_folder
from earmark.config.section import Section
from earmark.core.errors import UserError, nearest
from earmark.core.places import CONFIG, ROOT
from earmark.systems.contract import Entries


def entries(kind: Entries, config: Config, workdir: Path, broken: Broken) -> dict[str, Section]:
    """Return the things of one section by name, checked; what config says goes over their files."""
    found = {} if config.self_contained else read_folder(CONFIG / kind.section)
    if workdir.resolve() != ROOT and not config.self_contained:
        found |= read_folder(workdir / "config" / kind.section)
    said = getattr(config, kind.section)
    named: dict[str, Section] = {}
    names = sorted(found.keys() | said.keys())

    def written(name: str) -> Any:
        return overlaid(found[name].read() if name in found else {}, said.get(name, {}))

    for name in names:
        try:
            named[name] = kind.model.read(_like(name, written, names, kind), f"{kind.name} '{name}'")
        except UserError as error:
            keep(broken, kind.section, name, error, config, workdir)
    return named


def _like(name: str, written: Callable[[str], Any], names: Sequence[str], kind: Entries) -> Any:
    """Return what is said of a thing, laid over what is said of the one it is like, if it is like any."""
    own = written(name)
    other = own.get("like") if isinstance(own, dict) and "like" in kind.model.model_fields else None
    if not isinstance(other, str):
        return own
    where = f"{kind.name} '{name}': like"
    if other not in names or other == name:
        raise UserError(f"{where}: unknown {kind.name} '{other}'; {nearest(other, {*names} - {name})}")
    model = written(other)
    if isinstance(model, dict) and "like" in model:
        raise UserError(f"{where}: '{other}' is itself like '{model['like']}'; name that one")
    # All is said now: the config that a result carries names this one, and not what it was like.
    return overlaid(model, {key: value for key, value in own.items() if key != "like"})


def keep(broken: Broken, section: str, name: str, error: UserError, config: Config, workdir: Path) -> None:
    """Keep a mistake in a file for whoever asks for what it describes; one in the config itself is raised."""
    path = file_of(section, name, workdir)
    if path is None or name in getattr(config, section):
        raise error
    broken[section, name] = explained(path, str(error))
