"""What a part of the configuration leads to: other things by their names, local files by their paths.

A field says so by its type (:func:`link`, :data:`LocalPath`). Whoever wants to know dumps the section with a
:class:`Tour` as context; in any other dump these fields are texts like all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, SerializationInfo

Thing = tuple[str, str]
"""A section of the configuration and a name in it: ``("models", "demo")``."""


@dataclass
class Tour:
    """Goes through sections: collects what they name, and may move their paths."""

    named: list[Thing] = field(default_factory=list)
    workdir: Path | None = None
    """Where relative paths are to be found from; None leaves them as they are."""

    def placed(self, path: str) -> str:
        """Return a path as it is found from any working directory; an address as it is."""
        if self.workdir is None or "://" in path:
            return path
        return str(self.workdir / Path(path).expanduser())


def link(section: str) -> PlainSerializer:
    """Mark a field that names a thing of a section."""

    def noted(name: str, info: SerializationInfo) -> str:
        if isinstance(info.context, Tour):
            info.context.named.append((section, name))
        return name

    return PlainSerializer(noted)


def local_path(*words: str) -> PlainSerializer:
    """Mark a field with a path on this machine, or one of some ``words`` that are no path."""

    def placed(path: str, info: SerializationInfo) -> str:
        if path in words or not isinstance(info.context, Tour):
            return path
        return info.context.placed(path)

    return PlainSerializer(placed)


LocalPath = Annotated[str, local_path()]
"""A path on this machine, or the address of what is fetched."""
