"""Masks of zeros before normalisation, shifts that never wrap, mixes as long as the first clip."""

from __future__ import annotations

import numpy as np
import torch

from earmark.systems.tagging.augment import Augmentation, masked, mixed, shifted
from earmark.systems.tagging.settings import Training


def test_masks_are_one_band_and_one_stretch_of_zeros_below_their_widths():
    widths = set()
    for draw in range(200):
        made = masked(torch.ones(100, 128), 24, 40, np.random.default_rng(draw))
        bins = (made == 0).all(0).nonzero().flatten()
        frames = (made == 0).all(1).nonzero().flatten()
        assert len(bins) < 24 and len(frames) < 40
        for found in (bins, frames):
            assert not len(found) or len(found) == found[-1] - found[0] + 1
        assert (made == 0).sum() == 128 * len(frames) + 100 * len(bins) - len(frames) * len(bins)
        widths.add(len(bins))
    assert widths == set(range(24))


def test_no_mask_changes_nothing():
    features = torch.randn(50, 128)
    assert torch.equal(masked(features.clone(), 0, 0, np.random.default_rng(0)), features)


def test_masks_wider_than_the_clip_fit():
    for draw in range(50):
        assert masked(torch.ones(10, 128), 127, 500, np.random.default_rng(draw)).shape == (10, 128)


def test_a_shift_moves_the_clip_and_fills_with_padding_never_with_its_other_end():
    features = torch.arange(1, 51).float().unsqueeze(1).expand(50, 128).contiguous() * 1000
    seen = set()
    for draw in range(300):
        made = shifted(features, -7000.0, np.random.default_rng(draw))
        whole = (made[:, 0] / 1000).round()
        by = int((whole == -7).nonzero().numel()) * (1 if whole[0] == -7 else -1)
        seen.add(by)
        kept = whole[max(0, by) : 50 + min(0, by)]
        assert torch.equal(kept, torch.arange(1 + max(0, -by), 51 - max(0, by)).float())
    assert seen == set(range(-10, 10))


def test_noise_is_small_and_never_negative():
    levels = []
    for draw in range(200):
        made = shifted(torch.zeros(100, 128), 0.0, np.random.default_rng(draw))
        assert made.min() >= 0
        levels.append(float(made.max()))
    assert max(levels) < 0.1 and np.mean(levels) == np.float64(0.05).round(3) or 0.03 < np.mean(levels) < 0.07


def test_mixes_are_as_long_as_the_first():
    long, short = torch.ones(100) + torch.arange(100.0), torch.arange(30.0)
    assert mixed(long, short, 0.6).shape == (100,)
    assert mixed(short, long, 0.6).shape == (30,)
    tail = mixed(long, short, 0.6)[30:]
    assert torch.allclose(tail, 0.6 * (long - long.mean())[30:])


def test_settings_of_a_training_are_taken_over_and_no_time_mask_is_none():
    made = Augmentation.of(Training(mixup=0.2, freq_mask=24, epochs=3), 7)
    assert made == Augmentation(mixup=0.2, mixup_beta=10.0, freq_mask=24, time_mask=0, seed=7)
