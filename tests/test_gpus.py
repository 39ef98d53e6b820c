"""Jobs on a box with several GPUs: each takes one that no other has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from earmark import gpus
from earmark.provenance import SCRIPTS

JOB = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from earmark import gpus
print(gpus.take(["0", "1"], Path(sys.argv[2]), pause_s=0.05), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    """Start processes that take one of two GPUs and keep it until they end."""
    begun = []

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", JOB, str(SCRIPTS), str(tmp_path / "locks")]
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
    assert third.stderr.readline() == "waiting for a GPU: all 2 are taken by other jobs\n"
    first.kill()
    assert third.stdout.readline() == taken


def test_gpus_are_counted_and_a_scheduler_s_choice_is_kept(tmp_path):
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpus.visible({}, tmp_path) == ["0", "1"]
    assert gpus.visible({"CUDA_VISIBLE_DEVICES": "2, GPU-7f"}, tmp_path) == ["2", "GPU-7f"]
    assert gpus.visible({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == []


def test_nothing_is_claimed_where_there_is_one_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert gpus.claim() is None
