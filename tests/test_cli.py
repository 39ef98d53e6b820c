"""Scripts end in one line on a user's mistake or a full disk, and keep the traceback of a bug."""

from __future__ import annotations

import subprocess
import sys

import pytest

from earmark.core.places import SCRIPTS

SCRIPT = """
import sys; sys.path.insert(0, {scripts!r})
from pathlib import Path
from earmark.core import cli
from earmark.core.errors import UserError
def main() -> None:
    {body}
cli.run(main)
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise UserError('tasks.x: no such file')", "error: tasks.x: no such file"),
        (
            "stream = open('/dev/full', 'w'); stream.write('x'); stream.flush()",
            "error: no space left on the disk",
        ),
        ("raise RuntimeError('I/O error: No space left on device (os error 28)')", "error: no space left"),
        (
            "import sqlite3; full = sqlite3.connect(''); full.execute('PRAGMA max_page_count=1'); "
            "full.execute('CREATE TABLE t (x)')",
            "error: no space left",
        ),
    ],
)
def test_one_line_and_status_1(body, message):
    code = SCRIPT.format(scripts=str(SCRIPTS), body=body)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1, done.stderr


def test_the_garbage_collector_waits_for_imports_and_finds_young_garbage_as_ever():
    usual = "gc.get_threshold()[:2] == usual[:2] and gc.get_freeze_count() > 1000"
    script = SCRIPT.format(scripts=str(SCRIPTS), body=f"sys.exit(0 if {usual} else 1)")
    code = f"import gc; usual = gc.get_threshold()\n{script}"
    code = code.replace("cli.run(main)", "assert gc.get_threshold() > usual\ncli.run(main)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_garbage_collector_has_nothing_to_go_through_at_the_end():
    first = "import atexit, gc, os; atexit.register(lambda: os._exit(len(gc.get_objects()) > 1000))"
    script = SCRIPT.format(scripts=str(SCRIPTS), body="held = [[] for _ in range(2000)]; sys.held = held")
    assert subprocess.run([sys.executable, "-c", f"{first}\n{script}"]).returncode == 0


def test_a_bug_keeps_its_traceback():
    code = SCRIPT.format(scripts=str(SCRIPTS), body="raise KeyError('ours')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" in done.stderr and "KeyError" in done.stderr
