"""Versions of the packages that can change a number: installed, locked, and named by an environment file."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path

from earmark.core.files import Json
from earmark.core.places import ROOT

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


def packages() -> dict[str, str]:
    """Return the versions of the packages that can change a number, where installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def told(versions: Mapping[str, str]) -> str:
    """Return versions as one text; a build of a version (2.13.0+cpu) counts as that version."""
    return ", ".join(f"{name} {version.partition('+')[0]}" for name, version in sorted(versions.items()))


def pinned(environment: Path) -> dict[str, str]:
    """Return the versions of :data:`PACKAGES` that an environment file pins."""
    pins = re.findall(r"^ *- ([\w.-]+)==(\S+)$", environment.read_text(), flags=re.MULTILINE)
    return {name: version for name, version in pins if name in PACKAGES}


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


def lock_state() -> Json | None:
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
