"""Long loops say how far they are, in bars on a terminal and in whole lines everywhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable

import pytest

from earmark.core import progress
from earmark.core.places import ROOT, SCRIPTS
from earmark.core.progress import tqdm


@pytest.fixture
def log(capsys) -> Callable[[], str]:
    """What was written so far where there is no terminal."""
    progress.name_job([])
    return lambda: capsys.readouterr().err


def clock(bar, seconds: float = 1.0):
    """Let a bar's own clock go by ``seconds`` at every look."""
    now = [bar.start_t]

    def look() -> float:
        now[0] += seconds
        return now[0]

    bar._time = look
    return bar


def test_a_short_loop_says_one_line_in_a_log(log):
    for _ in tqdm(["a", "b", "c"], desc="reading headers", unit="file"):
        pass
    assert re.fullmatch(r"reading headers: 3 of 3 files in 00:00, [\d.]+/s\n", log())


def test_a_log_holds_no_carriage_return_and_only_whole_lines(log):
    with clock(tqdm(total=500, desc="packing", unit="clip")) as bar:
        for _ in range(500):
            bar.update()
    text = log()
    assert "\r" not in text and "\x1b" not in text and text.endswith("\n")
    lines = text.splitlines()
    assert len(lines) > 3
    assert all(re.match(r"packing: \d+ of 500 clips", line) for line in lines)
    assert all("left" in line for line in lines[:-1]) and " in " in lines[-1]


def test_lines_get_rarer_but_ten_seconds_never_go_by_without_one(log):
    said: list[float] = []
    with clock(tqdm(total=5000, desc="slow", unit="clip"), 0.5) as bar:
        bar._say = lambda last: said.append(bar._said_at)
        for _ in range(5000):
            bar.update()
    gaps = [after - before for before, after in zip(said, said[1:], strict=False)][:-1]
    assert gaps[0] < 4 and gaps[-1] >= 7 and max(gaps) + progress.BEAT_S <= 10


def test_a_count_that_stands_still_is_said_seldom(log):
    said: list[float] = []
    with clock(tqdm(total=20, desc="encoding", unit="clip"), 0.5) as bar:
        bar._say = lambda last: said.append(bar._said_at)
        bar.update(12)
        for _ in range(60):
            bar.refresh()
    gaps = [after - before for before, after in zip(said, said[1:], strict=False)][:-1]
    assert gaps and min(gaps) >= progress.LONGEST_S and max(gaps) + progress.BEAT_S <= 10


def test_asking_for_a_redraw_at_every_change_says_no_more_lines(log):
    with tqdm(total=1000, desc="fetching", unit="B", unit_scale=True) as bar:
        for _ in range(1000):
            bar.total += 1
            bar.set_postfix_str("3 removed")
            bar.refresh()
            bar.clear()
            bar.update()
    (line,) = log().splitlines()
    assert line.startswith("fetching: 1.00k of 2.00kB in 00:00") and line.endswith("3 removed")


def test_a_loop_that_breaks_off_says_how_far_it_came(log):
    with pytest.raises(ValueError, match="no"):
        for number in tqdm(range(10), desc="encoding", unit="clip"):
            if number == 4:
                raise ValueError("no")
    assert log().startswith("encoding: 4 of 10 clips in")


def test_a_bar_left_behind_by_an_error_adds_nothing_to_what_the_error_says(log):
    bar = tqdm(total=10, desc="fetching", unit="file")
    bar.update()
    del bar
    assert log() == ""


def test_what_was_done_before_counts_but_not_as_speed():
    state = {"n": 60, "total": 100, "initial": 50, "elapsed": 5.0, "unit": "row", "prefix": "answering"}
    rest = {"rate": 2.0, "postfix": None, "unit_scale": False, "unit_divisor": 1000}
    assert progress.line(state | rest, last=False) == "answering: 60 of 100 rows, 2.0/s, 00:20 left"
    assert progress.line(state | rest, last=True) == "answering: 60 of 100 rows in 00:05, 2.0/s"
    assert "4.0 s each" in progress.line(state | rest | {"rate": 0.25}, last=False)


def test_lines_name_the_file_that_is_made_once(log):
    progress.name_job(["--shard", "x", "--output", "data/gtzan/shards/test-00000-of-00002.tar"])
    for _ in tqdm([1], desc="packing test-00000-of-00002.tar", unit="clip"):
        pass
    for _ in tqdm([1], unit="row"):
        pass
    first, second = log().splitlines()
    assert first.startswith("data/gtzan/shards/test-00000-of-00002.tar: packing: 1 of 1 clips")
    assert second.startswith("data/gtzan/shards/test-00000-of-00002.tar: 1 of 1 rows")


def test_a_hostile_description_stays_one_line(log):
    for _ in tqdm([1], desc="a\r\nb\x1b[2J", unit="clip"):
        pass
    text = log()
    assert text.count("\n") == 1 and "\r" not in text and "\x1b" not in text


def test_a_terminal_gets_a_bar():
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    code = "from earmark.core.progress import tqdm\nfor _ in tqdm(range(3), desc='packing'): pass"
    environment = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"} | {"PYTHONPATH": str(SCRIPTS)}
    subprocess.run([sys.executable, "-c", code], stderr=terminal, env=environment, check=True)
    os.close(terminal)
    drawn = os.read(main, 65536).decode()
    os.close(main)
    assert "\rpacking: " in drawn and "100%" in drawn and "3/3" in drawn


def test_bars_of_other_libraries_stay_out_of_logs():
    code = (
        "from earmark.core import cli\nfrom earmark.core.progress import tqdm\n"
        "for _ in tqdm(range(3), desc='ours'): pass\nfor _ in __import__('tqdm').tqdm(range(3), desc='theirs'): pass"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"} | {"PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, stderr=subprocess.PIPE, env=environment, check=True, text=True).stderr
    assert said.startswith("ours: 3 of 3 in") and said.count("\n") == 1 and "theirs" not in said


def test_behind_an_error_no_bar_says_anything():
    """One that nobody closed, as the hub's, and that is drawn again and again until the process is gone."""
    code = (
        "import atexit, time\nfrom earmark.core import cli, progress\n"
        "from earmark.core.errors import UserError\n"
        "progress.BEAT_S = progress.SHORTEST_S = progress.LONGEST_S = 0.01\n"
        "atexit.register(time.sleep, 0.2)\nheld = []\n"
        "def main():\n    held.append(progress.tqdm(total=3, desc='ours'))\n"
        "    time.sleep(0.1)\n    raise UserError('x')\ncli.run(main)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"} | {"PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, env=environment, text=True)
    *lines, last = done.stderr.splitlines()
    assert done.returncode == 1 and last == "error: x" and lines
    assert all(said.startswith("ours: 0 of 3") for said in lines)


def test_every_loop_of_the_library_goes_through_it():
    direct = [
        str(path.relative_to(ROOT))
        for path in sorted(SCRIPTS.rglob("*.py"))
        if path != SCRIPTS / "earmark" / "core" / "progress.py" and "from tqdm import" in path.read_text()
    ]
    assert direct == [], "import tqdm from earmark.core.progress: it keeps carriage returns out of logs"


def test_a_bar_is_drawn_again_while_a_step_takes_long_and_no_more_after_it(monkeypatch):
    drawn = threading.Event()
    monkeypatch.setattr(progress, "BEAT_S", 0.001)
    before = set(threading.enumerate())
    with tqdm(total=1, desc="one long step") as bar:
        bar.refresh = drawn.set
        (beating,) = set(threading.enumerate()) - before
        assert drawn.wait(600), "nothing was drawn"
    beating.join(60)
    assert not beating.is_alive()


def test_a_bar_that_nobody_holds_is_drawn_no_more(monkeypatch):
    monkeypatch.setattr(progress, "BEAT_S", 0.001)
    before = set(threading.enumerate())
    bar = tqdm(total=1)
    (beating,) = set(threading.enumerate()) - before
    del bar
    beating.join(60)
    assert not beating.is_alive()
