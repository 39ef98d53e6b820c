"""What a result was made with beside what is here: code, lock, packages, Python, platform, inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earmark.core.files import Json
from earmark.reproduction.compare import Difference, differences

ANYWHERE = "/"
"""What a list that names files by their whole paths may read."""
BEFORE = ("earmark", "git", "python", "platform", "packages", "lock")
"""What can be told before anything runs."""
CHECKSUMS = ("sha256", "digest", "weights")
"""What keys end with that hold some."""


def before(made: Json, here: Json) -> list[Difference]:
    """Return what differs between a result's provenance and this place, as far as both say it."""
    return [
        difference
        for part in BEFORE
        if made.get(part) is not None and here.get(part) is not None
        for difference in differences(made[part], here[part], part)
    ]


def inputs(was: Json, now: Json) -> dict[str, bool]:
    """Return which checksums of inputs are equal, by place; those that only one result names are left out."""
    then, today = (dict(_checksums({**made, "again": None})) for made in (was, now))
    return {place: checksum == today[place] for place, checksum in then.items() if place in today}


def _checksums(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the checksums in provenance, each with its place: whatever is called a digest or a SHA-256."""
    for key, value in content.items() if isinstance(content, dict) else ():
        inner = f"{place}.{key}" if place else str(key)
        if key.endswith(CHECKSUMS) and isinstance(value, str | list):
            yield inner, value
        else:
            yield from _checksums(value, inner)


def advice(found: list[Difference], made: Json) -> list[str]:
    """Return what would bring this place closer to the result's, one line each."""
    places = {difference.place.partition(".")[0] for difference in found}
    lines = []
    git = made.get("git")
    if any(difference.place == "git.commit" for difference in found) and git:
        lines.append(
            f"the code was at another commit; for that code: git worktree add ../earmark-{git['commit'][:8]} "
            f"{git['commit']}, and run there"
        )
    if git and git["dirty"]:
        lines.append("the code had changes that were not committed: its commit alone does not give it again")
    if places & {"packages", "lock"}:
        lines.append("packages differ; requirements.lock of that commit, installed by `make env`, has them")
    return lines


def folders_elsewhere(asked: Any, here: Path) -> list[str]:
    """Return the local files and folders outside of ``here`` that a record asks to be read.

    A result may be someone else's, and what its task reads is what its record says.
    """
    found = []
    for text in _texts(asked):
        path = Path(text).expanduser() if text.startswith("~") else Path(text)
        leads = path.is_absolute() or ".." in path.parts
        if leads and "\n" not in text and not (here / path).resolve().is_relative_to(here.resolve()):
            found.append(text)
    return list(dict.fromkeys(found))


def _texts(content: Any) -> Iterator[str]:
    """Yield every text in nested settings; of a list of files, that it may name any by their whole path."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        if content.get("absolute") is True:
            yield ANYWHERE
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _texts(value)
