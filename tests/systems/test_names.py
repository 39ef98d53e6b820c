"""Nothing outside a system's own rooms names it: what everybody needs to know of it, its descriptor says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earmark.core.places import ROOT, SCRIPTS
from earmark.systems.contract import System
from earmark.systems.registry import systems

TENSORS = {SCRIPTS / "earmark" / "models" / "weights" / "whisper.py"}
"""Has names of tensors in it: embeddings."""

CALLED = re.compile(r'"\$SCRIPTS/(\w+\.py)"')


def shared_rules() -> list[Path]:
    """The rules files of no system."""
    names = tuple(system.name for system in systems())
    return [path for path in (ROOT / "rules").glob("*.smk") if not path.stem.startswith(names)]


def shared_code() -> list[Path]:
    """The library outside of systems/, the Snakefile, the shared rules and the scripts that these call."""
    rules = [ROOT / "Snakefile", *shared_rules()]
    called = {SCRIPTS / name for path in rules for name in CALLED.findall(path.read_text())}
    library = (SCRIPTS / "earmark").rglob("*.py")
    inside = SCRIPTS / "earmark" / "systems"
    own = [path for path in library if not path.is_relative_to(inside) or path.parent == inside]
    return [*rules, *sorted(called), *own]


@pytest.mark.parametrize("system", systems(), ids=lambda system: system.name)
def test_no_shared_code_names_a_system(system: System):
    sections = [entries.section for entries in system.entries]
    words = "|".join([system.name, *sections])
    named = re.compile(rf"earmark[./]systems[./]{system.name}\b|[\"']({words})[\"']")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in shared_code()
        for line in path.read_text().splitlines()
        if path not in TENSORS and named.search(line)
    ]
    assert found == []


def test_the_shared_code_is_what_is_looked_at():
    names = {path.name for path in shared_code()}
    assert {"Snakefile", "common.smk", "features.py", "contract.py", "estimate.py", "common.py"} <= names
    assert "pruning.smk" not in names and "score.py" not in names
