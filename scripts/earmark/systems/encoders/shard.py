"""Shards: the tars of samples that trainings and evaluations are made of, and where they lie on this machine.

What comes from the hub lies below ``XARES_DATA_HOME`` (else ``xares_data``) at its path inside the
repository, as upstream and a manual ``hf download --local-dir`` put it.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from earmark.core.errors import UserError
from earmark.data.sources.braces import expanded
from earmark.systems.encoders.blocks import ADDRESS, MADE_HERE, Block

HOME = "XARES_DATA_HOME"
DEFAULT_HOME = "xares_data"
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
PARTS_OF_ADDRESS = 3


@dataclass(frozen=True, order=True)
class Shard:
    """One tar."""

    path: str
    """Where it lies on this machine, or will."""
    repo: str | None = None
    revision: str = ""
    inside: str = ""
    """Its path in the repository."""
    address: str = ""

    @property
    def name(self) -> str:
        """What files made of it are called: readable, unlike any other shard's."""
        stem = PurePosixPath(self.path).name.partition(".")[0]
        # Made again elsewhere, a result reads a user's tars where they lie and calls their clips the same.
        ours = self.fetched or MADE_HERE.fullmatch(self.path)
        place = self.path if ours else str(Path(self.path).absolute())
        said = "\0".join([place, self.repo or "", self.revision])
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', stem)[:60]}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    @property
    def fetched(self) -> bool:
        """Whether it comes over the network."""
        return bool(self.repo or self.address)


def home() -> Path:
    """Return the folder that shards are fetched into."""
    return Path(os.environ.get(HOME) or DEFAULT_HOME).expanduser()


def shards_of(block: Block, where: str) -> list[Shard]:
    """Return the shards that a data block names, sorted, each once.

    Raises:
        UserError: a brace is not closed, a name leads out of its folder, no local file matches.

    """
    given = [block.data] if isinstance(block.data, str) else block.data
    names = expanded(given, f"{where}.data")
    if block.repo_id is not None:
        if not REPOSITORY.fullmatch(block.repo_id):
            raise UserError(f"{where}.repo_id: '{block.repo_id}' is no repository; write owner/name")
        return sorted({_of_hub(name, block.repo_id, block.revision, where) for name in names})
    return sorted({shard for name in names for shard in _local(name, where)})


def _of_hub(name: str, repo: str, revision: str, where: str) -> Shard:
    return Shard(str(home() / _inside(name, where)), repo, revision, name)


def _local(name: str, where: str) -> list[Shard]:
    """Return the shards behind one name without a repository: an address, a path, or a pattern of paths."""
    if ADDRESS.match(name):
        parts = [part for part in PurePosixPath(urlsplit(name).path).parts if part != "/"]
        kept = "/".join(parts[-PARTS_OF_ADDRESS:])
        return [Shard(str(home() / _inside(kept, where)), address=name)]
    if MADE_HERE.fullmatch(name):
        return [Shard(name)]
    path = Path(name).expanduser()
    if not re.search(r"[*?\[]", name):
        if not path.is_file():
            raise UserError(f"{where}.data: there is no file {path}")
        return [Shard(str(path))]
    anchor = Path(path.anchor)
    found = [Shard(str(each)) for each in anchor.glob(str(path.relative_to(anchor))) if each.is_file()]
    if not found:
        raise UserError(f"{where}.data: no file matches '{name}'")
    return found


def _inside(name: str, where: str) -> PurePosixPath:
    """Return a relative path that stays below its folder; raises UserError."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or any(ord(sign) < 32 for sign in name):
        raise UserError(f"{where}.data: {name!r} leads out of the folder of shards")
    return path
