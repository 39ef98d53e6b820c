"""An interrupted training ends with the same bits as one left alone."""

import os
import signal
import sys
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import small_training  # noqa: E402

from earmark.systems.tagging.state import Progress, Store  # noqa: E402
from earmark.systems.tagging.training import prepare  # noqa: E402

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
    try:
        return torch.load(folder / "work" / "state.pt", weights_only=True)["progress"]["step"]
    except FileNotFoundError:
        return 0


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


def test_a_state_of_another_training_is_ignored(tmp_path):
    Store(tmp_path / "work", "other").save(Progress(step=3), model={})
    made = small_training.trainer(tmp_path, prepare("cpu", 1, "no"))
    torch.use_deterministic_algorithms(False)
    assert made.progress.step == 0


def test_a_state_keeps_the_weights_it_names_and_no_others(tmp_path):
    store = Store(tmp_path, "x")
    for epoch in (1, 2):
        store.write_weights("best", epoch, {"w": torch.full((1,), float(epoch))})
    store.write_weights("sum", 2, {"w": torch.zeros(1)})
    store.save(Progress(best=2, averaged=2))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-2.safetensors",
        "state.pt",
        "sum-2.safetensors",
    ]
    assert store.read_weights("best", 2)["w"].item() == 2
