"""Where a shard came from: what its file is, and the commit of the hub that it was fetched from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from earmark.core.files import sha256
from earmark.core.hub import COMMIT

NOTES = Path(".cache") / "huggingface" / "download"
"""Where huggingface_hub notes, below a folder it downloads to, the commit that each file is of."""
SLACK_S = 1.0
"""A file may be this much younger than the note about it, as in huggingface_hub."""


@dataclass(frozen=True)
class Origin:
    """A shard's file."""

    sha256: str
    commit: str
    """Of the hub; empty where it came from elsewhere."""


@dataclass(frozen=True)
class Origins:
    """The files of some shards, in short."""

    commits: list[str]
    """Of the hub, each once."""
    sha256: str
    """Of the shards' names and checksums."""


def origin_of(path: Path) -> Origin:
    """Return where a shard came from."""
    return Origin(sha256(path), _commit(path.absolute()))


def together(shards: Mapping[str, Origin]) -> Origins:
    """Return the origins of shards by name in short."""
    said = "\n".join(f"{name} {origin.sha256}" for name, origin in sorted(shards.items()))
    commits = {origin.commit for origin in shards.values()} - {""}
    return Origins(sorted(commits), hashlib.sha256(said.encode()).hexdigest())


def _commit(path: Path) -> str:
    for root in path.parents:
        note = root / NOTES / f"{path.relative_to(root)}.metadata"
        if note.is_file():
            commit, _, noted = (note.read_text().split("\n") + ["", "", ""])[:3]
            try:
                same = path.stat().st_mtime - SLACK_S <= float(noted)
            except ValueError:
                same = False
            return commit if same and COMMIT.fullmatch(commit) else ""
    return ""
