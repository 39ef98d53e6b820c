"""What kinds of sources share, and how the settings of one are found by its kind.

A kind is a reader, ``data/sources/<kind>.py``, and its settings, ``config/sources/<kind>.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, model_validator

from earmark.config.hub import Hub
from earmark.config.links import LocalPath
from earmark.config.section import Section, left_out
from earmark.config.values import SHA256, WEB, Count, Positive
from earmark.core.addresses import hidden
from earmark.core.errors import UserError, nearest

FOLDER = Path(__file__).parent / "sources"
Patterns = str | Annotated[list[str], Field(min_length=1)]


class AnySource(Section):
    """Where recordings come from."""

    synthetic: ClassVar[bool] = False
    """Whether recordings are made up, which every result of theirs is labelled with."""

    kind: str
    """a module of scripts/earmark/data/sources/"""

    @property
    def fetched(self) -> bool:
        """Whether recordings are fetched item by item, shard by shard."""
        return False


class Limits(Section):
    """What is refused before it fills the disk."""

    member_mb: Positive = 500
    """one recording; a larger one is listed as failed"""

    archive_mb: Positive = 50000
    """all of one file, unpacked"""

    members: Count = 1000000
    """number of members of one file"""

    expansion: Positive = 100
    """how many times its compressed size a file may unpack to"""


class Archive(Section):
    """A zip or tar archive that holds a data set; exactly one of url and path."""

    url: str | None = Field(default=None, pattern=WEB)
    """where it is fetched from"""

    path: LocalPath | None = None
    """or the file on this machine"""

    sha256: str | None = Field(default=None, pattern=SHA256)
    """its checksum; null: not checked, but recorded"""

    inside: str = "."
    """the folder in it that root would be"""

    limits: Limits = Limits()
    """what is refused"""

    @model_validator(mode="after")
    def _one_place(self) -> Archive:
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        return self


class Rooted(AnySource):
    """A source that reads a local folder, or a data set on the hub in its place."""

    root: LocalPath | None = left_out()
    """the local folder that holds everything, as it was published or unpacked"""

    hub: Hub | None = left_out()
    """a data set on the hub, instead of root"""

    archive: Archive | None = left_out()
    """an archive to fetch and unpack; not where root is a folder that is there"""

    @property
    def place(self) -> Path:
        """The folder that is read, once hub and archive have brought theirs."""
        assert self.root is not None, "root is given, or set to what was brought down"
        return Path(self.root).expanduser()


class ClipsPerClass(Section):
    """A split of a task of choices."""

    clips_per_class: Count
    """clips of each class"""

    min_s: Positive
    """the shortest clip, seconds"""

    max_s: Positive
    """the longest clip, seconds"""


def kinds() -> list[str]:
    """Return the kinds of sources there are."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def kind_of(name: str) -> type[AnySource]:
    """Return the settings' model of a kind."""
    return cast(type[AnySource], import_module(f"earmark.config.sources.{name}").Source)


def read(source: Any, where: str) -> AnySource:
    """Return a source's settings, checked by its kind; files are below ``root`` or on the ``hub``.

    Raises:
        UserError: names the key and what it should be.

    """
    if isinstance(source, AnySource):
        return source
    kind = source.get("kind") if isinstance(source, Mapping) else None
    if kind not in kinds():
        raise UserError(f"{where}.kind: unknown kind '{kind}'; {nearest(str(kind), kinds())}")
    model = kind_of(kind)
    if "hub" in source and not issubclass(model, Rooted):
        raise UserError(f"{where}: kind '{kind}' has no hub")
    given = model.read(hidden(source), where)
    if isinstance(given, Rooted):
        if given.archive is not None and given.hub is not None:
            raise UserError(f"{where}: give either archive or hub")
        if given.archive is None and (given.root is None) == (given.hub is None):
            raise UserError(f"{where}: give either root, a local folder, or hub, a data set on the hub")
    return given
