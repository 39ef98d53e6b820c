"""Clips as a model sees them: padded and normalised, mixed with targets and teacher alike, reproducible."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tagging_task import STATISTICS, changed
from torch.utils.data import DataLoader
from transformers import ASTFeatureExtractor

from earmark.core.errors import UserError
from earmark.systems.tagging.augment import Augmentation
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.dataset import collate

EVERYTHING = Augmentation(mixup=0.5, freq_mask=24, time_mask=48, noise=True, seed=3)


class Stored:
    """Stored probabilities: a row per clip, told apart by its number; some clips without any."""

    def __init__(self, unseen=()):
        self.unseen = set(unseen)

    def missing(self, clip_ids):
        return [clip_id for clip_id in clip_ids if clip_id in self.unseen]

    def probabilities(self, clip_id, tau, kind):
        assert (tau, kind) == (2.0, "multi_label")
        return np.full(3, int(clip_id.split()[1]) / 100, dtype=np.float32)


def test_usable_clips_come_in_the_order_of_the_files(task):
    clips = task.opened()
    assert clips.clip_ids == [f"clip {n}" for n in range(12) if n != 5]
    assert len(clips) == 11
    assert clips.cut.sum() == 3


def test_an_unmixed_clip_equals_the_stock_extractor_normalised_and_padded(task):
    clips = task.opened()
    extractor = ASTFeatureExtractor(mean=STATISTICS.mean, std=STATISTICS.std, max_length=128)
    for index, clip_id in enumerate(clips.clip_ids):
        samples = torch.from_numpy(task.audio[clip_id])
        made = extractor((samples - samples.mean()).numpy(), sampling_rate=16000, return_tensors="pt")
        example = clips[index]
        assert example.clip_id == clip_id
        assert example.features.dtype == torch.float32
        assert (example.features - made["input_values"][0]).abs().max() < 0.002


def test_labels_are_multi_hot_in_the_order_of_the_classes(task):
    clips = task.opened()
    assert clips.labels.dtype == torch.float32
    assert clips.labels[:3].tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    for index in range(len(clips)):
        assert torch.equal(clips[index].target, clips.labels[index])


def test_a_mixed_clip_is_the_front_end_of_the_mixed_waveforms(task):
    clips = task.opened(augmentation=Augmentation(mixup=1.0, seed=1), partners=[7], teacher=Stored(), tau=2.0)
    index = 2
    example = clips[index, 40]
    rng = np.random.default_rng((1, 40))
    rng.random(), rng.integers(1)
    factor = rng.beta(10, 10)
    first, second = (task.audio[clips.clip_ids[i]] for i in (index, 7))
    second = second - second.mean()
    wave = factor * (first - first.mean()) + (1 - factor) * second[: len(first)]
    stock = ASTFeatureExtractor(mean=-4.0, std=3.0, max_length=128)
    expected = stock(wave, sampling_rate=16000, return_tensors="pt")["input_values"][0]
    assert (example.features - expected).abs().max() < 1e-3
    assert torch.allclose(example.target, factor * clips.labels[index] + (1 - factor) * clips.labels[7])
    numbers = [int(clips.clip_ids[i].split()[1]) / 100 for i in (index, 7)]
    assert torch.allclose(example.soft, torch.full((3,), factor * numbers[0] + (1 - factor) * numbers[1]))
    assert example.has_soft


def test_a_teacher_that_has_not_seen_one_of_the_two_says_nothing(task):
    for unseen in ("clip 2", "clip 8"):
        clips = task.opened(
            augmentation=Augmentation(mixup=1.0), partners=[7], teacher=Stored([unseen]), tau=2.0
        )
        assert clips.clip_ids[7] == "clip 8"
        example = clips[2, 0]
        assert not example.has_soft
        assert example.soft.tolist() == [0, 0, 0]


def test_without_a_teacher_there_is_nothing_soft(task):
    example = task.opened()[0]
    assert example.soft is None and not example.has_soft


def test_partners_are_drawn_from_the_clips_that_are_trained_on_only(task):
    clips = task.opened(augmentation=Augmentation(mixup=1.0), partners=[0], teacher=Stored(), tau=2.0)
    soft = {round(float(clips[1, draw].soft[0]), 4) <= 0.01 for draw in range(50)}
    assert soft == {True}, "only clip 0 (nothing) was mixed into clip 1"


def test_mixing_without_a_word_on_partners_is_refused(task):
    with pytest.raises(ValueError, match="mixup needs"):
        task.opened(augmentation=Augmentation(mixup=0.5))


def test_an_item_is_a_function_of_seed_and_draw_alone(task):
    clips = task.opened(augmentation=EVERYTHING, partners=range(8))
    again = task.opened(augmentation=EVERYTHING, partners=range(8))
    items = [(index, draw) for draw, index in enumerate([3, 1, 3, 7, 0, 3])]
    first = [clips[item] for item in items]
    for item, example in reversed(list(zip(items, first, strict=True))):
        assert torch.equal(again[item].features, example.features)
        assert torch.equal(again[item].target, example.target)
    assert not torch.equal(first[0].features, first[2].features)
    other = task.opened(augmentation=dataclasses.replace(EVERYTHING, seed=4), partners=range(8))
    assert not torch.equal(other[items[0]].features, first[0].features)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_give_what_one_process_gives(task, context):
    clips = task.opened(augmentation=EVERYTHING, partners=range(8))
    items = [(index % 8, index) for index in range(8)]
    expected = collate([clips[item] for item in items])
    loader = DataLoader(
        clips, batch_size=4, sampler=items, num_workers=2, multiprocessing_context=context, collate_fn=collate
    )
    batches = list(loader)
    assert torch.equal(torch.cat([batch.features for batch in batches]), expected.features)
    assert torch.equal(torch.cat([batch.target for batch in batches]), expected.target)
    assert [clip_id for batch in batches for clip_id in batch.clip_ids] == expected.clip_ids


def test_mistakes_are_named_before_anything_is_trained(task):
    with pytest.raises(UserError, match="label 'beep' is no class; did you mean 'beeps'"):
        task.opened(classes=Classes(("hum", "hiss", "beeps"), ("", "", ""), "multi_label"))
    with pytest.raises(UserError, match="single_label, but clip 'clip 0' has 3 labels"):
        task.opened(tagging=changed(kind="single_label"))
    with pytest.raises(UserError, match="more than tagging.frames"):
        task.opened(tagging=changed(frames=64))


def test_a_file_that_went_missing_is_named(task, tmp_path):
    with pytest.raises(UserError, match="gone.safetensors cannot be read"):
        task.opened(fbanks=[tmp_path / "gone.safetensors", *task.fbanks[1:]])


def test_spectrograms_with_a_flipped_bit_are_refused(task, tmp_path):
    flipped = tmp_path / task.fbanks[0].name
    content = bytearray(task.fbanks[0].read_bytes())
    content[-5] ^= 1
    flipped.write_bytes(content)
    with pytest.raises(UserError, match="holds other bytes than its index .* delete"):
        task.opened(fbanks=[flipped, *task.fbanks[1:]])
