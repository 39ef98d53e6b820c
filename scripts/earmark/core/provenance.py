"""What produced a file: code, packages, machine."""

from __future__ import annotations

import platform
import subprocess
from typing import Any

from earmark import __version__
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


def git_state() -> dict[str, Any] | None:
    """Return the commit of the code and whether tracked files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def record(code: str) -> dict[str, Any]:
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
