"""What a part of the configuration leads to: other things by name, files by path, the hub's repositories.

A field says so by its type (:func:`link`, :data:`LocalPath`, :func:`repository`). Whoever wants to know dumps
the section with a :class:`Tour` as context; in any other dump these fields are texts like all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import PlainSerializer, SerializationInfo

Thing = tuple[str, str]
"""A section of the configuration and a name in it: ``("models", "demo")``."""


Kind = Literal["model", "dataset"]
"""Of a repository of the hub."""


@dataclass
class Tour:
    """Goes through sections: collects what they lead to, and may move their paths."""

    named: list[Thing] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    repositories: list[tuple[Kind, str]] = field(default_factory=list)
    workdir: Path | None = None
    """Where relative paths are to be found from; None leaves them as they are."""

    def placed(self, path: str) -> str:
        """Return a path as it is found from any working directory; an address as it is."""
        if "://" in path:
            return path
        self.paths.append(path)
        return path if self.workdir is None else str(self.workdir / Path(path).expanduser())


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
        # Where other things than a path may stand, they come by here too.
        if path in words or not isinstance(path, str) or not isinstance(info.context, Tour):
            return path
        return info.context.placed(path)

    return PlainSerializer(placed)


def repository(kind: Kind) -> PlainSerializer:
    """Mark a field that names a repository of the hub; ``revision`` beside it says in which state."""

    def noted(name: str, info: SerializationInfo) -> str:
        if isinstance(info.context, Tour):
            info.context.repositories.append((kind, name))
        return name

    return PlainSerializer(noted)


LocalPath = Annotated[str, local_path()]
"""A path on this machine, or the address of what is fetched."""
