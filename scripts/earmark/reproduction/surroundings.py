"""What a result was made with beside what is here: code, lock, packages, Python, platform, inputs."""

from __future__ import annotations

from typing import Any

from earmark.reproduction.compare import Difference, differences

BEFORE = ("earmark", "git", "python", "platform", "packages", "lock")
"""What can be told before anything runs."""


def before(made: dict[str, Any], here: dict[str, Any]) -> list[Difference]:
    """Return what differs between a result's provenance and this place, as far as both say it."""
    return [
        difference
        for part in BEFORE
        if made.get(part) is not None and here.get(part) is not None
        for difference in differences(made[part], here[part], part)
    ]


def inputs(was: dict[str, Any], now: dict[str, Any]) -> dict[str, bool]:
    """Return which inputs of two results have equal checksums; those that only one names are left out."""
    return {name: found == now[name] for name, found in was.items() if found and now.get(name)}


def advice(found: list[Difference], made: dict[str, Any]) -> list[str]:
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
