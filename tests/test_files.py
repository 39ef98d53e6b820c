"""Final names never hold half a file, and two jobs never share a work folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from earmark.errors import UserError
from earmark.files import exclusive, replacing, write_json
from earmark.provenance import SCRIPTS


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"kept": True})
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError("killed")
    assert path.read_text() == '{\n  "kept": true\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_work_folder_belongs_to_one_live_process(tmp_path):
    code = (
        f"import sys, time; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from pathlib import Path; from earmark.files import exclusive\n"
        f"with exclusive(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another process"), exclusive(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with exclusive(tmp_path):
            pass
