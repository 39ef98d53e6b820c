"""The synthetic task: the same file name in two splits is two recordings."""

from __future__ import annotations

from made import completed

from earmark.data.sources.synthetic_music import collect


def test_no_recording_is_in_two_splits(tmp_path):
    size = {"clips_per_class": 1, "min_s": 1, "max_s": 1}
    settings = {
        "kind": "synthetic_music",
        "genres": 4,
        "recording_s": 1,
        "question": "?",
        "splits": {"train": size, "test": size},
    }
    clips = list(collect(completed(**settings), tmp_path, 0, 1))
    sources = {s: {x for c in clips if c.split == s for x in c.source_id} for s in ("train", "test")}
    assert len(sources["train"]) == len(sources["test"]) == 4
    assert not sources["train"] & sources["test"]
