"""The training of a student: it learns, from labels and teachers, alone and in several processes."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import small_training
import torch
import warm
from accelerate.state import AcceleratorState
from safetensors.torch import load_file
from sklearn.metrics import average_precision_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from earmark.core.errors import UserError
from earmark.merging.schedule import Schedule
from earmark.systems.tagging import validation
from earmark.systems.tagging.settings import Training
from earmark.training.engine import prepare

HERE = Path(__file__).parent


@pytest.fixture
def accelerator():
    yield prepare("cpu", 1, "no")
    torch.use_deterministic_algorithms(False)


def test_a_student_learns_and_keeps_the_best_epoch(tmp_path, accelerator):
    settings = {"epochs": 12, "learning_rate": 5e-3, "decay": {"first_epoch": 12, "every": 1, "factor": 1}}
    made = small_training.run(tmp_path, accelerator, training=settings)

    epochs = made.record.epochs
    assert epochs[-1]["loss"] < 0.8 * epochs[0]["loss"]
    best = max(epochs, key=lambda entry: entry["mAP"])
    assert best["mAP"] > epochs[0]["mAP"]
    assert best["mAP"] > 0.6
    assert made.record.best == best["epoch"]
    assert made.final()["mAP"] == best["mAP"]
    assert made.record.totals["items"] == 12 * 38
    assert 0 < made.record.totals["mixed"] < 12 * 38


def test_curves_can_be_read_in_tensorboard(tmp_path, accelerator):
    made = small_training.run(tmp_path, accelerator)

    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [scalar.step for scalar in events.Scalars("train/loss")] == [0, 10]
    found = [scalar.value for scalar in events.Scalars("validation/mAP")]
    assert found == pytest.approx([entry["mAP"] for entry in made.record.epochs])


def test_validation_agrees_with_scikit_learn_on_the_model_outside(tmp_path, accelerator):
    made = small_training.run(tmp_path, accelerator)
    clips = made.valid
    with torch.no_grad():
        logits = made.model.eval()(torch.stack([clips[i, 0].features for i in range(20)])).logits.numpy()
    expected = np.mean([average_precision_score(clips.labels[:, c], logits[:, c]) for c in range(4)])
    assert made.final()["mAP"] == pytest.approx(expected)


def test_averaged_weights_are_the_mean_of_the_epochs_weights(tmp_path, accelerator):
    settings = {"epochs": 3}
    ends = []
    for last in (2, 3):
        changes = {"training": {**settings, "averaging": {"first": last, "last": last}}}
        ends.append(small_training.run(tmp_path / str(last), accelerator, **changes).model.state_dict())
    both = {"training": {**settings, "averaging": {"first": 2, "last": 3}}}
    mean = small_training.run(tmp_path / "mean", accelerator, **both).model.state_dict()

    for name, value in mean.items():
        torch.testing.assert_close(value, (ends[0][name] + ends[1][name]) / 2)


def test_a_teacher_who_knows_the_missing_labels_is_learned_from(tmp_path, accelerator):
    settings = {"epochs": 6, "learning_rate": 5e-3}
    clips = {"count": 38, "taught": 0.5}
    plain = small_training.run(tmp_path / "plain", accelerator, training=settings, clips=clips)
    kd = small_training.run(
        tmp_path / "kd", accelerator, training=settings, clips=clips, plan={"weight": 0.1}
    )

    assert plain.record.totals["without_teacher"] == 0
    assert kd.record.totals["without_teacher"] == 6 * 19
    assert not torch.equal(kd.model.classifier.dense.weight, plain.model.classifier.dense.weight)


@pytest.mark.parametrize("loss", ["bce", "ce"])
def test_one_class_per_clip_is_chosen_by_accuracy(tmp_path, accelerator, loss):
    made = small_training.run(
        tmp_path, accelerator, training={"loss": loss, "epochs": 1}, plan={"kind": "single_label"}
    )
    assert list(made.record.epochs[0]) == ["epoch", "loss", "rate", "accuracy"]


def test_processes_of_accelerate_share_a_batch_without_changing_the_training(tmp_path):
    """38 clips in batches of 8 leave 6 for the last; of 37 in batches of 9 a single one is left over."""
    changes = json.dumps(
        {"clips": {"count": 37, "taught": 0.7}, "training": {"batch_size": 9}, "plan": {"weight": 0.3}}
    )
    script = [str(HERE / "small_training.py")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = [
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    launcher += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    for name, before in (("one", []), ("two", launcher)):
        command = [warm.python(), *before, *script, str(tmp_path / name), changes]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr

    assert [(tmp_path / name / "processes").read_text() for name in ("one", "two")] == ["1", "2"]
    one, two = (json.loads((tmp_path / name / "epochs.json").read_text()) for name in ("one", "two"))
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=1e-4)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("one", "two")]
    for name, value in weights[0].items():
        # The same for all keys, their bias has no effect and no gradient but rounding, which Adam makes steps of.
        if "attention.key.bias" not in name:
            torch.testing.assert_close(value, weights[1][name], rtol=1e-3, atol=1e-4)


def test_balanced_sampling_and_clipping_change_the_training(tmp_path, accelerator):
    ends = [
        small_training.run(tmp_path / str(number), accelerator, training={"epochs": 1, **changes})
        for number, changes in enumerate([{}, {"sampling": "balanced"}, {"clip_norm": 1e-3}])
    ]
    weights = [made.model.classifier.dense.weight for made in ends]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_loss_that_is_no_number_ends_the_training_in_one_line(tmp_path, accelerator):
    with pytest.raises(UserError, match="lower learning_rate"):
        small_training.run(tmp_path, accelerator, training={"learning_rate": 1e30})


def test_bf16_trains_on_a_cpu(tmp_path):
    AcceleratorState._reset_state()
    try:
        made = small_training.run(tmp_path, prepare("cpu", 1, "bf16"), training={"epochs": 1})
    finally:
        torch.use_deterministic_algorithms(False)
        AcceleratorState._reset_state()
    assert made.model.classifier.dense.weight.dtype == torch.float32
    assert np.isfinite(made.record.epochs[0]["loss"])


def test_half_precision_of_a_gpu_is_refused_on_a_cpu():
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        prepare("cpu", 1, "fp16")


def test_no_class_to_validate_by_is_told(tmp_path):
    with pytest.raises(UserError, match="validation_share"):
        validation.score(np.zeros((3, 2)), np.zeros((3, 2)), "multi_label")


def test_the_rate_warms_up_in_a_line_and_decays_by_epoch():
    settings = Training.read(
        {"learning_rate": 1.0, "warmup_steps": 4, "decay": {"first_epoch": 2, "every": 3, "factor": 0.5}},
        "test",
    )
    assert [settings.share(step, 1) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    rates = torch.optim.lr_scheduler.MultiStepLR(torch.optim.SGD([torch.zeros(1)], 1.0), [2, 5, 8], 0.5)
    for epoch in range(1, 11):
        assert settings.share(100, epoch) == rates.get_last_lr()[0]
        rates.optimizer.step()
        rates.step()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epoch": 3}, "unknown key 'epoch'; did you mean 'epochs'"),
        ({"epochs": 5, "averaging": {"first": 2, "last": 9}}, "averaging.last 9 lies beyond the 5 epochs"),
        ({"averaging": {"first": 4, "last": 2}}, "first 4 comes after last 2"),
    ],
)
def test_settings_that_contradict_each_other_are_named(values, words):
    with pytest.raises(UserError, match=words):
        Training.read(values, "task 'x': training")


def test_settings_that_do_not_fit_the_task_are_named():
    with pytest.raises(UserError, match="ce needs exactly one class"):
        Training(loss="ce").fitted("multi_label", 100, "x")
    with pytest.raises(UserError, match="time_mask 192 may hide all 128 frames"):
        Training(time_mask=192).fitted("multi_label", 128, "x")
    with pytest.raises(UserError, match="warmup_steps 60 is more than half of all 100 steps"):
        Training(warmup_steps=60).warmed(100, "x")
    assert Training().fitted("multi_label", 1024, "x").time_mask == 192
    assert Training().fitted("multi_label", 128, "x").time_mask == 48
    assert Training().warmed(46000, "x").warmup_steps == 1000
    assert Training().warmed(100, "x").warmup_steps == 50


def test_settings_are_recorded_as_they_are_read():
    settings = Training.read({"averaging": {"first": 1, "last": 2}, "betas": [0.8, 0.9]}, "x")
    assert Training.read(json.loads(json.dumps(settings.plain())), "x") == settings


def test_a_schedule_that_merges_nothing_needs_no_hooks(tmp_path, accelerator):
    made = small_training.trainer(tmp_path, accelerator, plan={"merging": "0"})
    assert made.plan.merging == Schedule.parse("0", {})
    assert not hasattr(made._merging(), "clamped")
