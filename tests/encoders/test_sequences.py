"""Texts about one clip share its row: losses and gradients are those of a row for each."""

from __future__ import annotations

import pytest
import torch

from earmark.config.compose import Lora
from earmark.models.adapter import with_adapter
from earmark.models.projector import Projector, Shape
from earmark.systems.encoders.learner import Learner, Share
from earmark.systems.encoders.speaker import Speaker

CLIPS = [5, 9, 3]
"""Frames of each clip."""
ABOUT = [1, 0, 1, 2, 1]
PROMPTS = [[7, 8], [9], [7, 8], [], []]
TARGETS = [[11, 0], [12, 13, 0], [14, 0], [15, 16, 17, 0], [11, 18, 0]]


@pytest.fixture
def learner(ending_lm):
    torch.manual_seed(0)
    speaker = Speaker(ending_lm, "cpu")
    adapted = with_adapter(speaker.model, Lora(rank=4, alpha=8))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    speaker.language.model = adapted.get_base_model()
    return Learner(speaker, Projector(Shape(stack=1), 6, speaker.width))


def gradients(learner, share):
    """Return the loss and every gradient that it makes."""
    trained = [*learner.projector.parameters(), *learner.speaker.model.parameters()]
    for weight in trained:
        weight.grad = None
    made = learner.loss(share)
    made.total.backward()
    return made, [weight.grad for weight in trained if weight.grad is not None]


def test_texts_of_a_clip_in_one_row_learn_what_a_row_each_learns(learner):
    clips = [torch.randn(frames, 6) for frames in CLIPS]
    together, apart = (
        gradients(learner, share)
        for share in (
            Share(clips, PROMPTS, TARGETS, 1, ABOUT),
            Share([clips[place] for place in ABOUT], PROMPTS, TARGETS, 1),
        )
    )
    assert together[0].items == apart[0].items == sum(map(len, TARGETS))
    assert together[0].total.item() == pytest.approx(apart[0].total.item(), rel=1e-6)
    assert together[0].means["accuracy"] == apart[0].means["accuracy"]
    assert len(together[1]) > 2
    for ours, right in zip(together[1], apart[1], strict=True):
        assert float((ours - right).norm()) <= 1e-5 * float(right.norm())


def test_what_one_text_says_changes_nothing_for_another(learner):
    clip = [torch.randn(5, 6)]
    shares = [Share(clip, [[7], [8]], [[11, 0], other], 1, [0, 0]) for other in ([12, 0], [13, 0])]
    layouts = [learner._layout(share) for share in shares]
    assert not layouts[0].ids.equal(layouts[1].ids)
    with torch.no_grad():
        states = [
            learner.speaker.model(
                inputs_embeds=layout.embeddings(learner.speaker.model.embed_tokens, torch.float32),
                attention_mask=layout.mask,
                position_ids=layout.positions,
            ).last_hidden_state
            for layout in layouts
        ]
    # five of audio, then a prompt of one and a target of two each
    assert states[0][0, :9].equal(states[1][0, :9]) and not states[0][0, 9].equal(states[1][0, 9])
