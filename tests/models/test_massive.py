"""Massive activations: tokens that stand out are found, and sparing them changes nothing else."""

from __future__ import annotations

import torch

from earmark.reduction.contract import Known, Span
from earmark.reduction.random_tokens import Random
from earmark.systems.pruning.massive import THRESHOLD, Asked, Sparing


def known(length: int, budget: int) -> Known:
    """A prompt of ``length`` audio tokens behind three others."""
    mask = torch.tensor([[False] * 3 + [True] * length])
    hidden = torch.zeros(1, 3 + length, 4)
    span = Span.of(mask, (length,))
    return Known(hidden, span, ~mask, (budget,), norm=torch.nn.Identity(), sample_ids=("clip",))


def test_spared_tokens_are_kept_in_place_of_others():
    drawn = set(Random().select(known(20, 6))[0].tolist())
    missing = sorted(set(range(20)) - drawn)[:2]
    spared = Sparing(Random(), tuple(3 + offset for offset in missing)).select(known(20, 6))[0].tolist()
    assert len(spared) == 6 and spared == sorted(spared)
    assert set(missing) <= set(spared) and len(drawn & set(spared)) == 4


def test_sparing_nothing_is_the_method_itself():
    assert torch.equal(Sparing(Random()).select(known(20, 6)), Random().select(known(20, 6)))


def test_a_massive_token_is_audio_far_above_the_median_and_not_the_first():
    clip = Asked.__new__(Asked)
    clip.heard = torch.tensor([[True, True, True, True, False, False]])
    medians = torch.tensor([9 * THRESHOLD, 1.0, 2 * THRESHOLD, 1.0, 3 * THRESHOLD])
    assert clip.massive(medians) == (9 * THRESHOLD, [2])
