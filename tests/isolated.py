"""Environments that hold some of the packages installed here and nothing else, made without a network.

A virtual environment whose site-packages shows exactly the named packages and what their metadata says
they require, as links to the files here. What a requirements list leaves out is then missing.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path, PurePath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(requirements: Iterable[str]) -> dict[str, metadata.Distribution]:
    """The named distributions and all they require here, extras included, by canonical name."""
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(text) for text in requirements]
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        found[key[0]] = metadata.distribution(wanted.name)
        for text in found[key[0]].requires or []:
            needed = Requirement(text)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)):
                todo.append(needed)
    return found


def build(folder: Path, requirements: Iterable[str]) -> Path:
    """Make the environment; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    shared = _shared_folders()
    for distribution in closure(requirements).values():
        for file in distribution.files or []:
            if not file.parts or file.parts[0] == ".." or file.suffix in (".pth", ".pyc"):
                continue
            _show(site, Path(str(distribution.locate_file(""))), file, shared)
    return folder / "bin" / "python"


def _show(site: Path, source: Path, file: PurePath, shared: set[str]) -> None:
    """Link a file's top folder, or where several distributions share that, the file itself."""
    part = file if file.parts[0] in shared else PurePath(file.parts[0])
    link = site / part
    if not link.exists() and (source / part).exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source / part)


def _shared_folders() -> set[str]:
    """The top folders that files of several distributions lie in."""
    tops = Counter(
        top
        for distribution in metadata.distributions()
        for top in {file.parts[0] for file in distribution.files or [] if len(file.parts) > 1}
    )
    return {top for top, count in tops.items() if count > 1}
