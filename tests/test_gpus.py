"""Jobs on a box with several GPUs: each takes one that no other has."""

from __future__ import annotations

import fcntl
import subprocess
import sys

import pytest

from earmark.core import gpus
from earmark.core.places import SCRIPTS

JOB = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from earmark.core import gpus
print(*gpus.take(["0", "1"], Path(sys.argv[2]), int(sys.argv[3]), pause_s=0.05), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    """Start processes that take one of two GPUs and keep it until they end."""
    begun = []

    def begin(count: int = 1) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", JOB, str(SCRIPTS), str(tmp_path / "locks"), str(count)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        begun.append(subprocess.Popen(command, text=True, **pipes))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def test_two_jobs_take_different_gpus(job):
    assert {job().stdout.readline().strip(), job().stdout.readline().strip()} == {"0", "1"}


def test_a_third_job_waits_says_so_and_gets_the_gpu_of_one_that_was_killed(job):
    first, second = job(), job()
    taken = first.stdout.readline()
    second.stdout.readline()
    third = job()
    assert third.stderr.readline() == "waiting for a GPU: 2 of 2 are taken by other jobs\n"
    first.kill()
    assert third.stdout.readline() == taken


def test_a_job_of_two_gpus_takes_both_or_none(job):
    one = job()
    one.stdout.readline()
    two = job(2)
    assert two.stderr.readline() == "waiting for 2 GPUs: 1 of 2 are taken by other jobs\n"
    assert job().stdout.readline().strip() == "1", "what it cannot use it leaves to others"
    one.kill()


def test_a_gpu_stays_taken_while_what_the_job_became_lives(tmp_path):
    """As a script that becomes a launcher of several processes."""
    becoming = JOB.replace("sys.stdin.read()", "import os; os.execvp('cat', ['cat'])")
    command = [sys.executable, "-c", becoming, str(SCRIPTS), str(tmp_path), "2"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "0 1\n"
        process.stdin.write("x\n")
        process.stdin.flush()
        assert process.stdout.readline() == "x\n", "it is cat now"
        with (tmp_path / "0.lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_process_that_a_launcher_started_claims_nothing(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6,7")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert gpus.claim() == []


def test_gpus_are_counted_and_a_scheduler_s_choice_is_kept(tmp_path):
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpus.visible({}, tmp_path) == ["0", "1"]
    assert gpus.visible({"CUDA_VISIBLE_DEVICES": "2, GPU-7f"}, tmp_path) == ["2", "GPU-7f"]
    assert gpus.visible({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == []


def test_nothing_is_claimed_where_there_is_one_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert gpus.claim() == []
