"""The engine: learns, resumes exactly, shares batches among processes, and does not resume what is not its own."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import warm
from accelerate import Accelerator
from small_recipe import Interruption, Small, weights
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from earmark.core.errors import UserError
from earmark.training import engine
from earmark.training.averaging import Average, Best, Choice, Last
from earmark.training.stage import Draw, Loss, Stage
from earmark.training.state import StageRecord

HERE = Path(__file__).parent
CUTS = [("one", 3), ("one", 14), ("one", 29), ("two", 0), ("two", 20)]


def train(small: Small, work: Path, mark: str = "x", events: Path | None = None) -> list[StageRecord]:
    return engine.train(
        small.stages(),
        small.layer,
        Accelerator(cpu=True),
        seed=4,
        work=work,
        fingerprint=mark,
        save_every=7,
        events=events,
    )


def seen(records: list[StageRecord]) -> list[tuple]:
    """Return what a record says apart from times."""
    return [(r.name, r.steps, r.loss, r.means, r.totals, r.epochs, r.kept, r.best, r.curve) for r in records]


@pytest.fixture(scope="module", params=[Last(), Best("error", higher=False), Average(2, 4)], ids=str)
def whole(request, tmp_path_factory) -> tuple[Choice, Small, list[StageRecord]]:
    """A training that nothing interrupts, for each choice of weights."""
    small = Small(choice=request.param)
    return request.param, small, train(small, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("fail_at", CUTS)
def test_a_resumed_training_ends_with_the_same_bits(
    tmp_path: Path, fail_at: tuple[str, int], whole: tuple[Choice, Small, list[StageRecord]]
) -> None:
    choice, uninterrupted, expected = whole
    with pytest.raises(Interruption):
        train(Small(fail_at, choice=choice), tmp_path / "cut")
    resumed = Small(choice=choice)
    records = train(resumed, tmp_path / "cut")

    assert weights(resumed) == weights(uninterrupted)
    assert seen(records) == seen(expected)


def test_slow_steps_are_saved_by_time_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: tuple[Choice, Small, list[StageRecord]]
) -> None:
    choice, uninterrupted, expected = whole
    monkeypatch.setattr(engine, "_SAVE_S", 0.0)
    with pytest.raises(Interruption):
        train(Small(("two", 4), choice=choice), tmp_path)
    assert [state.name for state in tmp_path.iterdir()] == ["step-000000034"]
    resumed = Small(choice=choice)
    records = train(resumed, tmp_path)

    assert weights(resumed) == weights(uninterrupted)
    assert seen(records) == seen(expected)


def test_the_engine_takes_the_steps_that_a_plain_loop_in_torch_takes(tmp_path: Path) -> None:
    """Written out by hand: the oracle of rate, clipping, seeds and the order of it all."""
    small, plain = Small(), Small()
    train(small, tmp_path)
    for stage in plain.stages():
        for weight in plain.layer.parameters():
            weight.requires_grad_(any(weight is own for own in stage.parameters()))
        for step in range(stage.steps):
            for group in stage.optimiser.param_groups:
                group["lr"] = 0.05 * min(1.0, (step + 1) / 5)
            loss = stage.loss(plain.draw(stage.name, step))
            stage.optimiser.zero_grad()
            (loss.total / loss.items).backward()
            nn.utils.clip_grad_norm_(stage.parameters(), 1.0)
            stage.optimiser.step()
    assert weights(small) == weights(plain)


def test_dropout_draws_the_same_after_an_interruption(tmp_path: Path) -> None:
    whole = Small(dropout=0.5)
    train(whole, tmp_path / "whole")
    with pytest.raises(Interruption):
        train(Small(("two", 20), dropout=0.5), tmp_path / "cut")
    torch.manual_seed(99)
    resumed = Small(dropout=0.5)
    train(resumed, tmp_path / "cut")
    assert weights(resumed) == weights(whole)


def test_a_finished_training_takes_no_more_steps(tmp_path: Path) -> None:
    small = Small(choice=Average(1, 3))
    train(small, tmp_path)
    again = Small(("two", 29), choice=Average(1, 3))
    train(again, tmp_path)
    assert weights(again) == weights(small)


def test_a_state_of_another_training_is_ignored_and_replaced(tmp_path: Path) -> None:
    train(Small(), tmp_path, mark="old")
    with pytest.raises(Interruption):
        train(Small(("one", 0)), tmp_path, mark="new")
    train(Small(), tmp_path, mark="new")
    assert [state.name for state in tmp_path.iterdir()] == ["step-000000060"]


def test_the_loss_falls_and_the_curve_ends_at_the_last_step(tmp_path: Path) -> None:
    records = train(Small(), tmp_path)

    assert records[1].loss < 0.5 * records[0].curve[0][1]
    assert records[0].curve[-1][0] == records[0].steps == 30
    assert records[0].means["half"] == pytest.approx(0.5)
    assert records[0].totals == {"items": 26 * 8 + 4, "big": pytest.approx(53)}


def test_curves_go_on_where_an_interrupted_training_stopped(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(Small(("two", 20)), tmp_path / "work", events=tmp_path / "events")
    train(Small(), tmp_path / "work", events=tmp_path / "events")

    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [point.step for point in events.Scalars("one/loss")] == [0, 10, 20]
    assert [point.step for point in events.Scalars("two/rate")] == [30, 40, 50]
    assert [point.step for point in events.Scalars("validation/error")] == [9, 19, 29, 39, 49, 59]


def test_the_best_epoch_and_the_mean_of_epochs_are_what_they_say(tmp_path: Path) -> None:
    kept: list[dict[str, torch.Tensor]] = []

    class Watched(Small):
        def validate(self) -> dict[str, float]:
            kept.append({name: value.clone() for name, value in self.layer.state_dict().items()})
            return {"error": float(abs(len(kept) - 2))}

    best = Watched(choice=Best("error", higher=False))
    [record, _] = train(best, tmp_path / "best")
    assert record.best == 2
    kept.clear()
    mean = Watched(choice=Average(1, 3))
    records = train(mean, tmp_path / "mean")
    for name, value in mean.layer.state_dict().items():
        expected = torch.stack([epoch[name] for epoch in kept[3:]]).mean(dim=0)
        torch.testing.assert_close(value, expected)
    assert [record.kept for record in records] == [3, 3]


def test_frozen_weights_are_neither_changed_nor_saved_and_stay_trainable(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    small = Small()
    before = small.frozen.weight.clone()
    train(small, tmp_path)
    [state] = tmp_path.iterdir()
    saved = load_file(state / "model.safetensors")
    assert sorted(saved) == ["module.bias", "module.weight"]
    assert torch.equal(small.frozen.weight, before)
    assert all(weight.requires_grad for weight in small.layer.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_in_one_line_and_is_not_saved(tmp_path: Path, value: float) -> None:
    class Broken(Small):
        def loss(self, name: str, draw: Draw) -> Loss:
            made = super().loss(name, draw)
            return Loss(made.total * value, made.items) if draw.step == 9 else Loss(made.total, made.items)

    with pytest.raises(UserError, match="no longer a finite number at step 10; lower the rate of the test"):
        train(Broken(), tmp_path)
    assert [state.name for state in tmp_path.iterdir()] == ["step-000000007"]


def test_a_full_disk_leaves_the_older_state_and_is_told_as_one(tmp_path: Path) -> None:
    """The disk is a limit on the size of files, which torch's writer meets in the middle of its archive."""
    program = (
        "import sys, signal, resource, errno\n"
        f"sys.path[:0] = {[str(HERE), str(HERE.parents[1] / 'scripts')]!r}\n"
        "from pathlib import Path\n"
        "from accelerate import Accelerator\n"
        "from earmark.core import cli, files\n"
        "from earmark.training import engine\n"
        "from small_recipe import Small\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "files.FULL = (errno.EFBIG,)\n"
        "def main(work: Path):\n"
        "    small = Small(at={'two': {20: lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))}})\n"
        "    engine.train(small.stages(), small.layer, Accelerator(cpu=True), seed=4, work=work,\n"
        "        fingerprint='x', save_every=7)\n"
        "cli.run(main)\n"
    )
    done = subprocess.run(
        [warm.python(), "-c", program, str(tmp_path / "work")], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: no space left on the disk; free some space")
    assert "Traceback" not in done.stderr
    resumed, whole = Small(), Small()
    train(resumed, tmp_path / "work")
    train(whole, tmp_path / "whole")
    assert weights(resumed) == weights(whole)


def test_processes_share_a_batch_without_changing_the_training(tmp_path: Path) -> None:
    """Batches of 8 items among three processes: 3, 3 and 2; and one of a single item."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "3"]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launcher += ["--main_process_port", "0"]
    for name, before in (("one", []), ("three", launcher)):
        command = [warm.python(), *before, str(HERE / "small_recipe.py"), str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
    one, three = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "three"))
    assert (one["processes"], three["processes"]) == (1, 3)
    assert one["weights"] == pytest.approx(three["weights"], rel=1e-5)
    assert one["losses"] == pytest.approx(three["losses"], rel=1e-5)
    assert one["totals"] == [pytest.approx(total) for total in three["totals"]]


def test_batches_are_asked_for_from_the_step_that_is_next(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1)
    asked: list[tuple[int, int]] = []

    def batches(steps) -> Iterator[torch.Tensor]:
        asked.append((steps.first, steps.last))
        for step in range(steps.first, steps.last):
            if len(asked) == 1 and step == 5:
                raise Interruption
            yield torch.full((2, 1), float(step))

    def run() -> None:
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.001)
        stage = Stage("s", 9, optimiser, lambda x: Loss(layer(x).square().sum(), len(x)), batches=batches)
        accelerator = Accelerator(cpu=True)
        engine.train([stage], layer, accelerator, seed=0, work=tmp_path, fingerprint="", save_every=2)

    with pytest.raises(Interruption):
        run()
    run()
    assert asked == [(0, 9), (4, 9)]


def test_mixed_precision_is_accelerates_and_the_weights_stay_whole(tmp_path: Path) -> None:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()
    kinds = []

    class Watched(Small):
        def loss(self, name: str, draw: Draw) -> Loss:
            kinds.append(self.layer(torch.zeros(1, 3)).dtype)
            return super().loss(name, draw)

    try:
        small = Watched()
        accelerator = Accelerator(cpu=True, mixed_precision="bf16")
        engine.train(small.stages(), small.layer, accelerator, seed=0, work=tmp_path, fingerprint="")
    finally:
        AcceleratorState._reset_state()
    assert set(kinds) == {torch.bfloat16}
    assert small.layer.weight.dtype == torch.float32
    assert np.isfinite(small.layer.weight.detach().numpy()).all()
