"""Clips joined from recordings: nothing used twice, nothing lost, lengths as asked."""

from __future__ import annotations

import copy

import pytest

from earmark.errors import UserError
from earmark.records import Clip, Part
from earmark.segment import segment


def recording(name: str, label: str, seconds: float = 5.0, split: str = "test") -> Clip:
    return Clip(name, [name], [Part(f"{name}.wav", 0.0, seconds)], seconds, 16000, 1, split, [label])


RECORDINGS = [recording(f"{label}{i}", label, 4 + i % 3) for label in ("dog", "rain") for i in range(20)]
JOIN = {"test": {"kind": "join", "min_s": 20, "max_s": 30}}


def test_every_recording_is_used_once_and_classes_never_mix():
    clips = segment(copy.deepcopy(RECORDINGS), JOIN, seed=0)
    paths = [part.path for clip in clips for part in clip.parts]
    assert sorted(paths) == sorted(f"{r.clip_id}.wav" for r in RECORDINGS)
    for clip in clips:
        assert {s.rstrip("0123456789") for s in clip.source_id} == set(clip.labels)
        if clip.ok:
            assert 20 <= clip.duration_s <= 30 + 1e-6
            assert clip.duration_s == pytest.approx(sum(p.end_s - p.start_s for p in clip.parts))


def test_order_of_recordings_does_not_matter():
    def key(clips):
        return [(c.clip_id, [p.path for p in c.parts]) for c in clips]

    assert key(segment(copy.deepcopy(RECORDINGS), JOIN, 0)) == key(
        segment(copy.deepcopy(RECORDINGS)[::-1], JOIN, 0)
    )


def test_a_rest_too_short_is_kept_as_unused():
    clips = segment([recording("a", "dog", 25), recording("b", "dog", 10)], JOIN, seed=0)
    assert sorted(c.status for c in clips) == ["ok", "unused"]


def test_a_rest_fills_the_last_clip_as_far_as_it_may():
    for seed in range(8):
        lengths = enumerate((12, 12, 4))
        clips = segment([recording(f"a{i}", "dog", n) for i, n in lengths], JOIN, seed)
        # In any order 12 + 12 + 4 is one clip, or 4 + 12 waits for the other 12.
        assert [c.duration_s for c in clips] == [28]


def test_long_recordings_are_cut_into_pieces_that_join():
    clips = segment([recording("a", "dog", 95)], JOIN, seed=0)
    assert all(c.duration_s <= 30 + 1e-6 for c in clips)
    assert sum(c.duration_s for c in clips) == pytest.approx(95)


def test_failed_recordings_stay_with_their_reason():
    broken = recording("x", "dog")
    broken.fail("unreadable")
    clips = segment([*copy.deepcopy(RECORDINGS), broken], JOIN, seed=0)
    assert [c.reason for c in clips if c.status == "failed"] == ["unreadable"]


def test_too_little_audio_says_which_key_to_change():
    with pytest.raises(UserError, match="min_s"):
        segment([recording("a", "dog", 5)], JOIN, seed=0)
