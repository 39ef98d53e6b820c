"""The code digest changes with what a rule runs, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from earmark.core import provenance


def names(*entries: str) -> set[str]:
    return {p.relative_to(provenance.SCRIPTS).as_posix() for p in provenance.import_closure(*entries)}


def test_the_closure_follows_imports_transitively():
    found = names("evaluate.py")
    assert {
        "evaluate.py",
        "earmark/systems/pruning/job.py",
        "earmark/reduction/hooks.py",
        "earmark/audio/waveform.py",
    } - found == {"earmark/audio/waveform.py"}


def test_what_is_reached_by_name_is_not_in_the_closure_unless_named():
    assert not any(n in names("evaluate.py") for n in ("earmark/reduction/dart.py", "earmark/models/omni.py"))
    assert "earmark/reduction/dart.py" in names("evaluate.py", "earmark/reduction/dart.py")


def test_data_stages_do_not_depend_on_models_or_methods():
    for script in ("segment.py", "pack.py", "download.py"):
        assert not any(n.startswith(("earmark/models", "earmark/reduction")) for n in names(script)), script


def test_light_modules_do_not_import_torch_at_parse_time():
    code = "import sys, earmark.config.settings; sys.exit('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(provenance.SCRIPTS)}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0


def test_a_record_names_versions_and_code():
    record = provenance.record("abc")
    assert record["code"] == "abc"
    assert record["packages"]["torch"].startswith("2.13.0")
    assert Path(provenance.ROOT / "Snakefile").is_file()
