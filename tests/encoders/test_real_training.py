"""Trainings on real weights follow upstream's: the first thirty losses of a recorded run, and a dozen that fall.

Recorded values as in test_parity.py; the recordings of ESC-10 lie in the folder EARMARK_TEST_ESC10, else
beside the values. Without them, or the wheels, the tests are skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from real_parts import part
from test_parity import RECORDED, set_adapter
from torch import nn

from earmark.config.compose import Lora
from earmark.models import towers
from earmark.models.adapter import with_adapter
from earmark.models.fused_adapter import fuse
from earmark.models.projector import Projector, Shape
from earmark.systems.encoders.extract import halved
from earmark.systems.encoders.learner import Learner, Share
from earmark.systems.encoders.recording import recording
from earmark.systems.encoders.sequences import upstream
from earmark.systems.encoders.speaker import Speaker
from earmark.systems.encoders.train import groups
from earmark.training import engine
from earmark.training.schedule import triangle
from earmark.training.stage import Stage

AUDIO = Path(os.environ.get("EARMARK_TEST_ESC10", RECORDED.parents[1] / "data" / "esc10" / "audio"))
pytestmark = [
    pytest.mark.wheels,
    pytest.mark.skipif(
        not (RECORDED / "parity").is_dir(), reason=f"no recorded values at {RECORDED} (EARMARK_TEST_XARES)"
    ),
]
KEYS = {"learning_rate": 1e-4, "weight_decay": 0.01}


class Stored(Learner):
    """Upstream's batches from features that are stored."""

    def _layout(self, share):
        frames = torch.tensor([len(features) for features in share.stored])
        padded = nn.utils.rnn.pad_sequence(share.stored, batch_first=True)
        kept = (torch.arange(padded.shape[1])[None] < frames[:, None]).long()
        tokens = self.projector(padded.flatten(0, 1)).unflatten(0, padded.shape[:2])
        return upstream(tokens, kept, share.prompts, share.targets)


def losses_of(learner, adapted, batches, schedule, work):
    """Return the loss of every step of a training on some batches."""
    found = []

    def loss(share):
        made = learner.loss(share)
        found.append(float(made.total.detach()) / made.items)
        return made

    module = nn.ModuleDict({"projector": learner.projector, "decoder": adapted})
    stage = Stage(
        "train", len(batches), torch.optim.AdamW(groups(module, KEYS), betas=(0.9, 0.999), eps=1e-8), loss,
        batches=lambda steps: iter(batches[steps.first :]), schedule=schedule, clip_norm=1.0,
    )  # fmt: skip
    engine.train([stage], module, engine.prepare("cpu", 1), seed=42, work=work, fingerprint="real")
    return found


def parts(dropout, folder):
    speaker = Speaker(part("smollm2-135m", folder), "cpu")
    torch.manual_seed(42)
    torch.rand(150_000)  # of the layers of upstream's that were drawn before
    adapted = with_adapter(speaker.model, Lora(rank=8, alpha=32, dropout=dropout))
    linear = nn.Linear(512, speaker.width)
    speaker.language.model = adapted.get_base_model()
    fuse(adapted)
    projector = Projector(Shape(stack=1), 512, speaker.width)
    projector.layers[0].load_state_dict(linear.state_dict())
    return Stored(speaker, projector), adapted


def test_the_first_thirty_losses_of_a_real_run_are_followed(tmp_path):
    if not AUDIO.is_dir():
        pytest.skip(f"no recordings at {AUDIO} (EARMARK_TEST_ESC10)")
    learner, adapted = parts(0.1, tmp_path)
    drawn = np.load(RECORDED / "run_init_projector_seed42.npz")
    weights = {name.rpartition(".")[2]: drawn[name] for name in drawn}
    for name, weight in learner.projector.layers[0].named_parameters():
        assert np.array_equal(weight.detach().numpy(), weights[name])
    sums = json.loads((RECORDED / "run_init.json").read_text())["lora_A_sum_and_norm"]
    named = dict(adapted.named_parameters())
    for name, (total, norm) in sums.items():
        weight = named[f"base_model.{name}"]
        assert [float(weight.double().sum()), float(weight.norm())] == pytest.approx([total, norm], rel=1e-4)
    order = json.loads((RECORDED / "stream_order.json").read_text())["esc10_train_60_batches"][:30]
    tower = towers.load({"kind": "whisper", "dtype": "float32"}, part("whisper-base", tmp_path), "cpu")
    heard = {}
    for clip in {clip[0] for batch in order for clip in batch}:
        wave = torch.from_numpy(recording(AUDIO / f"{clip}.ogg", clip, 30, 0))
        features, _ = tower(wave[None], None)
        heard[clip] = features[0, : halved(len(wave))].clone()
    speaker = learner.speaker
    prompt = speaker.ids("Classify the environmental sound.")
    batches = [
        Share(
            [heard[clip] for clip, *_ in batch],
            [prompt] * len(batch),
            [speaker.target(text.removesuffix("<|im_end|>")) for _, text, *_ in batch],
            1,
        )
        for batch in order
    ]
    found = losses_of(learner, adapted, batches, triangle(60, 200), tmp_path / "work")
    steps = json.loads((RECORDED / "training_esc10_60steps.json").read_text())["steps"]
    # the first two to rounding; then the adapter is not nothing any more, and dropout is drawn otherwise
    assert found[:2] == pytest.approx([step["loss"] for step in steps[:2]], abs=1e-3)
    assert found == pytest.approx([step["loss"] for step in steps[:30]], abs=0.05)


def test_a_training_of_twelve_steps_on_the_recorded_batch_falls_as_upstreams_does(tmp_path):
    values = json.loads((RECORDED / "parity" / "parity.json").read_text())
    stored = np.load(RECORDED / "parity" / "features.npz")
    learner, adapted = parts(0.0, tmp_path)
    set_adapter(adapted, 0.0)
    drawn = np.random.default_rng(20261128)
    with torch.no_grad():
        for weight in learner.projector.layers[0].parameters():
            weight.copy_(
                torch.from_numpy((drawn.standard_normal(tuple(weight.shape)) * 0.02).astype(np.float32))
            )
    features = [
        torch.from_numpy(row[: int(kept.sum())])
        for row, kept in zip(stored["features"], stored["mask"], strict=True)
    ]
    speaker = learner.speaker
    share = Share(
        features,
        [speaker.ids(values["prompt"])] * 4,
        [speaker.target(clip["label"]) for clip in values["clips"]],
        1,
    )
    found = losses_of(learner, adapted, [share] * 12, triangle(12, 3), tmp_path / "work")
    # a rate of 0 in the first step, so the first two are one
    assert found[0] == pytest.approx(values["loss_B_zero_dropout_off"]["loss"], abs=1e-4) == found[1]
    assert found == sorted(found, reverse=True) and found[-1] < found[0] - 3
