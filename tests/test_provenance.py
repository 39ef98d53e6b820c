"""What a record says of where it is from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from earmark.core import provenance
from earmark.core.places import ROOT, SCRIPTS


def test_light_modules_do_not_import_torch_at_parse_time():
    code = "import sys, earmark.config.settings; sys.exit('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0


def test_a_record_names_versions_and_code():
    record = provenance.record("abc")
    assert record["code"] == "abc"
    assert record["packages"]["torch"].startswith("2.13.0")
    assert Path(ROOT / "Snakefile").is_file()
