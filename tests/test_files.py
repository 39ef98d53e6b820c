"""Final names never hold half a file, and two jobs never share a work folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from earmark.core.files import exclusive, free, replacing, write_json
from earmark.core.places import SCRIPTS


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"kept": True})
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError("killed")
    assert path.read_text() == '{\n  "kept": true\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_read_by_whom_the_umask_lets(tmp_path):
    """safetensors makes files that their owner alone may read."""
    with replacing(tmp_path / "weights.safetensors") as partial:
        save_file({"w": np.zeros(2, np.float32)}, partial)
    (tmp_path / "plain").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("weights.safetensors", "plain")]
    assert modes[0] == modes[1]


def test_a_work_folder_belongs_to_one_live_process(tmp_path):
    code = (
        f"import sys, time; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from pathlib import Path; from earmark.core.files import exclusive\n"
        f"with exclusive(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(float(sys.argv[1]))"
    )

    def hold(seconds: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", code, seconds], stdout=subprocess.PIPE, text=True)

    with hold("60") as holder:
        assert holder.stdout.readline() == "held\n"
        with hold("0") as waiter:
            assert "another process" in waiter.stdout.readline()
            with free(tmp_path) as held:
                assert held is None
            holder.kill()
            assert waiter.stdout.read() == "held\n"
    with free(tmp_path) as held:
        assert held == tmp_path


def test_a_work_folder_that_its_holder_removed_is_held_anew(tmp_path):
    folder = tmp_path / "work"
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from pathlib import Path; from earmark.core.files import exclusive\n"
        f"with exclusive(Path({str(folder)!r})): print('held', flush=True); sys.stdin.read()"
    )
    with exclusive(folder):
        waiter = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert "another process" in waiter.stdout.readline()
        for _ in range(200):  # where the kernel doesn't list locks, two seconds are enough
            if _waits(waiter.pid):
                break
            time.sleep(0.01)
        shutil.rmtree(folder)
    with waiter:
        assert waiter.stdout.readline() == "held\n"
        with free(folder) as held:
            assert held is None


def _waits(process: int) -> bool:
    """Whether a process is blocked in a file lock, by the kernel's list of locks."""
    locks = Path("/proc/locks")
    listed = locks.read_text().splitlines() if locks.exists() else []
    return any("->" in line and f" {process} " in line for line in listed)
