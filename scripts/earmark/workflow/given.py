"""What a job is given besides its inputs, as files: its settings, and which code it runs.

A rule's settings are a file that a person can read, change and pass to the script by hand; the param is its
path. The name is a digest of the content, so other settings are another param, and Snakemake runs the job
again; the files of earlier runs stay, and ``snakemake -n`` reads in them what changed. They are written while
params are worked out, below the working directory: what runs a job on another machine works its params out
again there, so nothing has to be sent.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from earmark.core import digests
from earmark.core.digests import Module, code_digest, file_digest, import_closure
from earmark.core.places import SCRIPTS

SETTINGS = Path(".earmark/settings")
CODE = Path(".earmark/code")
MODULES = CODE / "modules.json"
MOST_MODULES = 5000
"""Texts of modules that are remembered, the latest; one is some 300 bytes."""


def settings_file(settings: Any) -> str:
    """Write what a job is given as JSON, where there is no such file yet, and return its path."""
    value = to_jsonable_python(settings)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    path = SETTINGS / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    _written(path, value)
    return path.as_posix()


def _written(path: Path, value: Any) -> None:
    """Write a file named by its content, unless it is there; several runs may be at it at once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        partial.replace(path)


@cache
def code(*entries: str) -> str:
    """Return the digest of some code, and write down of which files in which state it is."""
    _recall()
    known = len(digests.KNOWN)
    digest = code_digest(*entries)
    path = CODE / f"{digest}.json"
    if not path.exists():
        files = {p.relative_to(SCRIPTS).as_posix(): file_digest(p)[:16] for p in import_closure(*entries)}
        _written(path, files)
    if len(digests.KNOWN) > known:
        _remember()
    return digest


@cache
def _reader() -> str:
    """Return what reads modules: another edition of it, or another Python, recalls nothing of this one's."""
    own = hashlib.sha256(Path(digests.__file__).read_bytes()).hexdigest()
    return f"{own} {sys.version_info.major}.{sys.version_info.minor}"


@cache
def _recall() -> None:
    """Recall, once, what an earlier start of the workflow read in modules of the same text."""
    if MODULES.exists():
        kept = json.loads(MODULES.read_text())
        if kept["reader"] == _reader():
            digests.KNOWN.update(
                {key: Module(each[0], tuple(each[1])) for key, each in kept["modules"].items()}
            )


def _remember() -> None:
    """Write down what was read in modules, for the next start."""
    latest = dict(list(digests.KNOWN.items())[-MOST_MODULES:])
    partial = MODULES.with_name(f"{MODULES.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps({"reader": _reader(), "modules": latest}))
    partial.replace(MODULES)
