"""An interrupted training ends with the same bits as one left alone."""

import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import small_training
import torch
from safetensors.torch import load_file

from earmark.training.engine import prepare

CASES = {
    "best": {"training": {"epochs": 6}, "plan": {"weight": 0.2}},
    "averaged": {"training": {"epochs": 6, "averaging": {"first": 2, "last": 5}, "sampling": "balanced"}},
    "workers": {"training": {"epochs": 6, "workers": 2}},
}


def start(folder: Path, changes: dict) -> BaseProcess:
    """Start a training in a process of its own; a fork, since torch and transformers are slow to import."""

    def work() -> None:
        os.setsid()
        small_training.run(folder, prepare("cpu", 1, "no"), **changes)

    process = get_context("fork").Process(target=work)
    process.start()
    return process


def finish(folder: Path, changes: dict) -> None:
    process = start(folder, changes)
    process.join(120)
    assert process.exitcode == 0


def steps(folder: Path) -> int:
    """Return the steps that are saved so far."""
    return max((int(state.name[5:]) for state in (folder / "work").glob("step-*")), default=0)


@pytest.mark.parametrize("case", CASES)
def test_a_killed_training_ends_with_the_same_bits(tmp_path, case):
    changes = {**CASES[case], "clips": {"count": 38, "taught": 1.0, "slow_s": 0.005}}
    finish(tmp_path / "whole", changes)

    cut = tmp_path / "cut"
    for least in (4, 17):  # in the first epoch, and in the fourth
        process = start(cut, changes)
        while steps(cut) < least and process.is_alive():
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        assert least <= steps(cut) < 30
    assert not (cut / "model.safetensors").exists()
    finish(cut, changes)

    expected, found = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert (cut / "epochs.json").read_text() == (tmp_path / "whole" / "epochs.json").read_text()


def test_workers_change_nothing(tmp_path):
    ends = []
    for workers in (0, 2):
        finish(tmp_path / str(workers), {"training": {"epochs": 2, "workers": workers}})
        ends.append(load_file(tmp_path / str(workers) / "model.safetensors"))
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
