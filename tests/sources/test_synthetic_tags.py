"""Synthetic sounds for taggers: seeded, below 8 kHz, training labels incomplete and test labels complete."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from made import completed

from earmark.config.sources.synthetic_tags import Clips
from earmark.core.files import sha256
from earmark.data.sources.synthetic_tags import SOUNDS, collect, render


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tags")
    settings = completed(kind="synthetic_tags", clips={"train": 60, "test": 20})
    return folder, settings, list(collect(settings, folder, 0, 1))


def test_clips_are_of_the_asked_number_length_and_rate(made):
    _, _, clips = made
    assert [clip.split for clip in clips] == ["train"] * 60 + ["test"] * 20
    assert all(clip.ok and clip.duration_s == 1.28 and clip.sample_rate == 32000 for clip in clips)
    assert len({clip.source_id[0] for clip in clips}) == 80


def test_labels_of_test_are_what_sounds_and_those_of_train_lack_some(made):
    _, settings, clips = made
    sounding = {clip.clip_id: {span.label for span in clip.spans} for clip in clips}
    test = [clip for clip in clips if clip.split == "test"]
    assert all(set(clip.labels) == sounding[clip.clip_id] for clip in test)
    train = [clip for clip in clips if clip.split == "train"]
    assert all(set(clip.labels) <= sounding[clip.clip_id] for clip in train)
    total = sum(len(sounding[clip.clip_id]) for clip in train)
    share = 1 - sum(len(clip.labels) for clip in train) / total
    assert abs(share - settings.missing_share) < 0.12
    assert set().union(*sounding.values()) == set(SOUNDS)


def test_a_clip_depends_on_seed_split_and_number_alone(made, tmp_path):
    folder, settings, clips = made
    fewer = list(collect(settings.model_copy(update={"clips": Clips(test=3)}), tmp_path, 0, 1))
    for clip, again in zip(clips[60:63], fewer, strict=True):
        assert (clip.labels, clip.spans) == (again.labels, again.spans)
        assert sha256(folder / f"{clip.clip_id}.flac") == sha256(tmp_path / f"{again.clip_id}.flac")
    other = list(collect(settings.model_copy(update={"clips": Clips(test=3)}), tmp_path / "other", 1, 1))
    assert [clip.spans for clip in other] != [clip.spans for clip in fewer]


def test_nothing_sounds_above_8_khz(made):
    folder, _, clips = made
    for clip in clips[::4]:
        samples, rate = soundfile.read(folder / f"{clip.clip_id}.flac")
        power = np.abs(np.fft.rfft(samples)) ** 2
        high = np.fft.rfftfreq(len(samples), 1 / rate) > 8000
        assert power[high].sum() < 1e-4 * power.sum()
        assert 0.1 < np.abs(samples).max() < 1


@pytest.mark.parametrize("name", list(SOUNDS))
def test_every_kind_of_sound_is_finite_and_not_silent(name):
    t = np.arange(16000) / 32000
    for seed in range(5):
        sound = SOUNDS[name](t, np.random.default_rng(seed))
        assert sound.shape == t.shape and np.isfinite(sound).all()
        assert np.abs(sound).max() > 0.01


def test_other_lengths_and_rates_can_be_asked_for():
    settings = completed(kind="synthetic_tags", clips={"test": 1}, seconds=2, sample_rate=16000)
    samples, spans = render(settings, np.random.default_rng(1))
    assert samples.shape == (32000,)
    assert all(0 <= span.start_s < span.end_s <= 2 for span in spans)
