"""What produced a file: code, packages, machine; of a result, also the config file that makes it again."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from earmark import __version__
from earmark.core.files import Json
from earmark.core.places import ROOT
from earmark.core.versions import lock_state, packages


def _git(*arguments: str) -> str | None:
    """Return what git prints, or None where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=10
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def git_state() -> Json | None:
    """Return the commit of the code and whether tracked files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def record(code: str) -> Json:
    """Return the provenance every result carries; ``code`` is the digest the rule computed."""
    return {
        "earmark": __version__,
        "code": code,
        "git": git_state(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": packages(),
        "lock": lock_state(),
    }


def repeatable(made: Json, again: str) -> Json:
    """Return a result's provenance with what makes the result again.

    Args:
        made: what is said of it already; revisions of the hub become the commits that are named here.
        again: JSON file with the result's path (``target``) and the smallest configuration that makes it
            (``config``), as the rule passes it; empty where the script is run by hand.

    """
    if not again:
        return dict(made)
    said = json.loads(Path(again).read_text())
    return {**made, "again": said | {"config": pinned(said["config"], dict(_commits(made)))}}


def pinned(content: Any, commits: Mapping[tuple[str, str], str]) -> Any:
    """Return settings with the commit where they name a repository and a revision that it was found for."""
    if isinstance(content, list):
        return [pinned(each, commits) for each in content]
    if not isinstance(content, dict):
        return content
    found = {key: pinned(value, commits) for key, value in content.items()}
    repository = next((found[key] for key in ("hub", "repo") if isinstance(found.get(key), str)), "")
    revision = found.get("revision")
    commit = commits.get((repository, str(revision))) or commits.get((repository, ""))
    return found | {"revision": commit} if commit and revision is not None else found


def _commits(content: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield ((repository, revision), commit) of all that provenance says was read from the hub.

    Clips say ``hub:owner/name@commit`` and no revision.
    """
    if isinstance(content, str) and content.startswith("hub:"):
        repository, _, commit = content.removeprefix("hub:").partition("@")
        yield (repository, ""), commit
    elif isinstance(content, Mapping):
        if all(isinstance(content.get(key), str) for key in ("hub", "revision", "commit")):
            yield (content["hub"], content["revision"]), content["commit"]
        for value in content.values():
            yield from _commits(value)
    elif isinstance(content, list):
        for value in content:
            yield from _commits(value)
