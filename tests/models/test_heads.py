"""HeadRouter's calibration, ours: heads are weighed by what the answer gains, and the profile is read back."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from reduction_models import tiny_model

from earmark.reduction.decoder import Decoder
from earmark.reduction.headrouter import importance
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.systems.pruning.heads import OneHead, chosen, gains, profile, said


@pytest.fixture
def clip():
    """A prompt of 20 audio tokens between text, and an answer of three tokens."""
    model = tiny_model("omni")
    torch.manual_seed(0)
    text = Decoder.of(model).text
    length, asked = 33, 30
    ids = torch.randint(3, 60, (1, length))
    heard = torch.zeros(1, length, dtype=torch.bool)
    heard[:, 4:24] = True
    decoder = SimpleNamespace(model=text, head=model.lm_head)
    return SimpleNamespace(
        decoder=decoder,
        name="clip",
        prompt=ids[0, :asked].tolist(),
        answer=ids[0, asked:].tolist(),
        heard=heard,
        embeddings=text.embed_tokens(ids).detach(),
        mask=torch.ones_like(ids),
        positions=torch.arange(length)[None],
    )


@torch.no_grad()
def test_the_answers_probability_is_that_of_the_tokens_kept(clip):
    router = load("headrouter")
    with TokenReduction(clip.decoder.model, router, keep_ratio=0.3, layer=2) as reduction:
        reduction.expect(clip.heard[:, : len(clip.prompt)])
        clip.decoder.model(inputs_embeds=clip.embeddings[:, : len(clip.prompt)], use_cache=False)
    kept = set(reduction.records[0].kept.tolist())

    class Same(type(router)):
        """The same tokens whatever is asked."""

        def row(self, row):
            return torch.tensor(sorted(kept))

    with TokenReduction(clip.decoder.model, Same(), keep_ratio=0.3, layer=2) as reduction:
        reduction.expect(clip.heard)
        states = clip.decoder.model(
            inputs_embeds=clip.embeddings, position_ids=clip.positions, use_cache=False
        ).last_hidden_state
    logits = clip.decoder.head(states[0, -4:-1]).log_softmax(-1)
    whole = sum(float(logits[i, token]) for i, token in enumerate(clip.answer))
    assert said(clip, router, 0.3, 2) == pytest.approx(whole, abs=1e-4)


def test_a_heads_gain_is_over_all_heads_alike(clip):
    own, spread = gains(clip, 0.3, 2)
    heads = clip.decoder.model.config.num_attention_heads
    assert len(own) == heads and spread >= 0
    together = said(clip, load("headrouter"), 0.3, 2)
    assert own == pytest.approx([said(clip, OneHead(head=h), 0.3, 2) - together for h in range(heads)])


def test_a_profile_prefers_the_heads_that_gain_and_is_read_by_the_method(tmp_path):
    made = profile([([1.0, 0.0], 0.2), ([3.0, 0.0], 0.4)], [([0.0, 2.0], 0.7)])
    assert made["semantic"] == pytest.approx(torch.tensor([2.0, 0.0]).softmax(0).tolist())
    assert made["acoustic"][1] > made["uniform"][1] == 0.5 > made["acoustic"][0]
    assert made["centres"] == pytest.approx([0.3, 0.5, 0.7]) and made["sigma"] == pytest.approx(0.1)
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(made))
    heads = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    router = load("headrouter", {"profile": str(path)})
    assert router.note == "" and importance(heads, router.profiled(heads)).sum() == pytest.approx(1.0)


def test_clips_are_taken_evenly_from_the_whole_lesson():
    assert chosen(SimpleNamespace(clips=range(100)), 10) == list(range(0, 100, 10))
    assert chosen(SimpleNamespace(clips=range(3)), 10) == [0, 1, 2]
