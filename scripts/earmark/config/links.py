"""What a part of the configuration leads to: other things by name, files by path, the hub's repositories.

A field says so by its type, with a mark in its ``Annotated``; :func:`places` goes through a section for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel

Thing = tuple[str, str]
"""A section of the configuration and a name in it: ``("models", "demo")``."""


@dataclass(frozen=True)
class Link:
    """The field names a thing of a section."""

    section: str


@dataclass(frozen=True)
class Local:
    """The field is a path on this machine, from the working directory on, or an address."""

    words: tuple[str, ...] = ()
    """Values that are no path."""

    def is_path(self, value: str) -> bool:
        """Whether a value of such a field is a path."""
        return value not in self.words and "://" not in value


@dataclass(frozen=True)
class Repository:
    """The field names a repository of the hub; ``revision`` beside it says which state of it."""

    kind: Literal["model", "dataset"]


LocalPath = Annotated[str, Local()]
Mark = TypeVar("Mark", Link, Local, Repository)


@dataclass(frozen=True)
class Place(Generic[Mark]):
    """A value that leads somewhere, and where it stands."""

    keys: tuple[str | int, ...]
    value: str
    mark: Mark
    holder: BaseModel
    """The section it is a field of."""

    @property
    def dotted(self) -> str:
        """Its place in words: ``data.source.root``."""
        return ".".join(map(str, self.keys))


def places(section: BaseModel, kind: type[Mark], keys: tuple[str | int, ...] = ()) -> Iterator[Place[Mark]]:
    """Yield the values of a section that have a mark of a kind, those of sections within it too."""
    for name, alias, marks in _fields(type(section)):
        mark = next((mark for mark in marks if isinstance(mark, kind)), None)
        yield from _within(getattr(section, name), mark, kind, (*keys, alias), section)


def _within(
    value: Any, mark: Mark | None, kind: type[Mark], keys: tuple[str | int, ...], holder: BaseModel
) -> Iterator[Place[Mark]]:
    if isinstance(value, BaseModel):
        yield from places(value, kind, keys)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _within(inner, mark, kind, (*keys, key), holder)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _within(inner, mark, kind, (*keys, number), holder)
    elif isinstance(value, str) and mark is not None:
        yield Place(keys, value, mark, holder)


@cache
def _fields(model: type[BaseModel]) -> list[tuple[str, str, list[Any]]]:
    """Return a model's fields: name, key, and every mark within their types."""
    return [
        (name, field.alias or name, [*field.metadata, *_marks(field.annotation)])
        for name, field in model.model_fields.items()
    ]


def _marks(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _marks(inner)
