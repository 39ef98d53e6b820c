"""The Python packages here against the lock, and the optional ones that some settings need."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from earmark.config.model import Model
from earmark.core.places import ROOT
from earmark.core.versions import locked, normalised, same_version
from earmark.doctor.findings import MISSING, NOTE, OK, Finding

AREA = "packages"
OPTIONAL = {
    "bitsandbytes": "models with load.mode 4bit",
    "flash-attn": "models with attention flash_attention_2",
}
SHOWN = 6


def version(name: str) -> str | None:
    """Return a package's version, None if it isn't installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def check(lock: Path = ROOT / "requirements.lock", project: Path = ROOT / "pyproject.toml") -> list[Finding]:
    """Compare what is installed with the lock; what earmark itself imports must be there."""
    wanted = locked(lock)
    if not wanted:
        return [Finding(AREA, "lock", NOTE, f"{lock} is not here, so versions were not compared")]
    here = {name: version(name) for name in wanted}
    own = _own(project)
    lacking = sorted(name for name in wanted if here[name] is None)
    other = sorted(n for n, v in wanted.items() if (found := here[n]) and not same_version(found, v))
    findings = []
    needed = [name for name in lacking if name in own]
    if lacking:
        status = MISSING if needed else NOTE
        findings.append(
            Finding(AREA, "missing", status, _listed(needed or lacking), "make env", needed=bool(needed))
        )
    if other:
        text = _listed([f"{name} {here[name]} (locked {wanted[name]})" for name in other])
        findings.append(Finding(AREA, "other versions", NOTE, text, "make env, for the tested ones"))
    agreeing = len(wanted) - len(lacking) - len(other)
    return [Finding(AREA, "lock", OK, f"{agreeing} of {len(wanted)} as in requirements.lock"), *findings]


def optional(models: Mapping[str, Model], wanted: set[str]) -> list[Finding]:
    """Look for the packages that only some settings need; ``wanted`` models are asked for."""
    users = {
        "bitsandbytes": [name for name, entry in models.items() if entry.load.mode == "4bit"],
        "flash-attn": [name for name, entry in models.items() if entry.attention == "flash_attention_2"],
    }
    findings = []
    for name, purpose in OPTIONAL.items():
        found, using = version(name), users[name]
        if found:
            findings.append(Finding(AREA, name, OK, found))
            continue
        text = f"not installed; needed for {purpose}" + (f": {', '.join(using)}" if using else ", none here")
        fix = f"pip install {name}" if using else ""
        needed = bool(wanted & set(using))
        findings.append(Finding(AREA, name, MISSING if using else NOTE, text, fix, needed))
    return findings


def _own(project: Path) -> set[str]:
    """Return the names of earmark's own requirements, development apart."""
    if not project.is_file():
        return set()
    listed = tomllib.loads(project.read_text())["project"]["dependencies"]
    return {normalised(re.split(r"[<>=!~;\[ ]", line)[0]) for line in listed}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
