"""Training batches: exact lengths, one class per row, the extractor's floor, nothing but the seed."""

import numpy as np
import pytest

from earmark.training.recipes.crops import Augmentation, Cropper, TrainingClip

PLAIN = Augmentation(gain_db=0)
HEAVY = Augmentation(mix_share=0.5, band_masks=2, time_masks_per_10s=2)


def clip(label: str, level: float, frames: int = 300) -> TrainingClip:
    return TrainingClip(f"{label}{level}", label, np.full((128, frames), level, np.float16))


def test_rows_hold_one_class_only_and_are_joined_to_length() -> None:
    cropper = Cropper([clip("a", 0.25), clip("a", 0.5), clip("b", -0.5)], ["a", "b"], PLAIN)

    mel, labels = cropper.batch(4, 1000, np.random.default_rng(0))

    assert mel.shape == (4, 128, 1000)
    assert sorted(labels.tolist()) == [0, 0, 1, 1]
    for row, label in zip(mel, labels):
        assert set(np.unique(row).tolist()) == ({0.25, 0.5} if label == 0 else {-0.5})


def test_a_join_loses_the_floor_of_its_quiet_part() -> None:
    cropper = Cropper([clip("a", 1.5), clip("a", -1.5)], ["a"], PLAIN)

    mel, _ = cropper.batch(1, 600, np.random.default_rng(0))

    assert set(np.unique(mel).tolist()) == {1.5, -0.5}


def test_mixing_adds_powers() -> None:
    mixed = Augmentation(gain_db=0, mix_share=1)
    cropper = Cropper([clip("a", 0.0), clip("a", 0.0)], ["a"], mixed)

    mel, _ = cropper.batch(1, 300, np.random.default_rng(0))

    assert 0 < mel.min() <= mel.max() <= np.log10(2) / 4 + 1e-6


def test_batches_depend_on_the_generator_alone_and_leave_recordings_untouched() -> None:
    rng = np.random.default_rng(1)
    clips = [TrainingClip(str(i), "ab"[i % 2], rng.random((128, 350)).astype(np.float16)) for i in range(6)]
    before = [item.mel.copy() for item in clips]
    cropper = Cropper(clips, ["a", "b"], HEAVY)

    first, _ = cropper.batch(3, 900, np.random.default_rng(2))
    again, _ = cropper.batch(3, 900, np.random.default_rng(2))

    assert np.array_equal(first, again)
    assert all(np.array_equal(item.mel, old) for item, old in zip(clips, before))


@pytest.mark.parametrize("span", [(4.0, 60.0), (0.01, 0.05), (5.0, 5.0)])
def test_lengths_stay_in_their_range_on_whole_tokens(span: tuple[float, float]) -> None:
    cropper = Cropper([clip("a", 0.0)], ["a"], Augmentation(clip_s=span))
    lengths = [cropper.length(np.random.default_rng(seed)) for seed in range(200)]

    assert all(length % 4 == 0 for length in lengths)
    assert min(lengths) >= 4
    assert max(lengths) <= max(4, span[1] * 100)


def test_a_batch_can_be_asked_to_stay_short() -> None:
    cropper = Cropper([clip("a", 0.0)], ["a"], Augmentation(clip_s=(4.0, 60.0)))

    assert max(cropper.length(np.random.default_rng(seed), 12.0) for seed in range(50)) <= 1200
