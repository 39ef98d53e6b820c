"""What produced a file: code, packages, machine.

The code digest is how Snakemake notices an edit of a script or a library module: rules carry it as
a param, because scripts called from ``shell:`` and their imports are not watched. It is static (the
import statements are read, nothing is executed), per module, and depends on content alone, so a
checkout or a ``touch`` changes nothing.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from earmark import __version__

SCRIPTS = Path(__file__).resolve().parents[2]
ROOT = SCRIPTS.parent
PACKAGES = (
    "torch",
    "accelerate",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "scikit-learn",
    "soundfile",
    "soxr",
    "webdataset",
    "pandas",
    "pyarrow",
)


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement of a module, nested ones too: a twelfth of what ``ast.walk`` would visit."""
    todo: list[ast.AST] = [module]
    while todo:
        node = todo.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, field, None)
            if isinstance(inner, list):  # of a lambda or a conditional expression it's none
                todo += inner


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Return the repository files that the module at ``path`` imports directly; data files none."""
    if path.suffix != ".py":
        return ()
    found: set[Path] = set()
    for node in _statements(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for base in (SCRIPTS.joinpath(*name.split(".")) for name in names):
            found |= {p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()}
    # The package's version is provenance, not behaviour: a release makes nothing stale.
    return tuple(sorted(found - {SCRIPTS / "earmark" / "__init__.py"}))


@cache
def import_closure(*entries: str) -> tuple[Path, ...]:
    """Return every repository file that ``entries`` (paths below scripts/) import, transitively."""
    todo = [SCRIPTS / entry for entry in entries]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports(path)
    return tuple(sorted(seen))


@cache
def code_digest(*entries: str) -> str:
    """Return a digest of ``entries`` and all they import: path and content of each file.

    What a script reaches by name (a reduction method, a parser, a model family) is not among its
    imports and must be an entry of its own.
    """
    digest = hashlib.sha256()
    for path in import_closure(*entries):
        digest.update(path.relative_to(SCRIPTS).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


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


def packages() -> dict[str, str]:
    """Return the versions of the packages that can change a number, where installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def locked(path: Path = ROOT / "requirements.lock") -> dict[str, str]:
    """Return the versions that the lock names, by normalised package name; none without a lock."""
    lines = path.read_text().splitlines() if path.is_file() else []
    pairs = (line.partition("==") for line in lines if "==" in line and not line.startswith("#"))
    return {normalised(name): version.strip() for name, _, version in pairs}


def normalised(name: str) -> str:
    """Return a package's name as indexes compare names."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def same_version(found: str, wanted: str) -> bool:
    """Whether a version is the wanted one; a build of it (2.13.0+cpu) is."""
    return found == wanted or found.partition("+")[0] == wanted


def lock_state() -> dict[str, Any] | None:
    """Return the digest of the lock, and the packages of :data:`PACKAGES` that differ from it."""
    path = ROOT / "requirements.lock"
    if not path.is_file():
        return None
    wanted = locked(path)
    differing = [
        f"{name} {found}, locked {wanted.get(normalised(name), 'nowhere')}"
        for name, found in packages().items()
        if not same_version(found, wanted.get(normalised(name), ""))
    ]
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "differing": differing}


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
