"""AudioMarathon's layout: what is there is read, what is missing or garbled is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from earmark.errors import UserError
from earmark.sources import audiomarathon, synthetic_music


@pytest.fixture
def root(tmp_path):
    audio = tmp_path / audiomarathon.GTZAN_AUDIO
    audio.mkdir(parents=True)
    soundfile.write(audio / "a.wav", np.zeros(22050, np.float32) + 0.1, 22050)
    item = {
        "path": "a.wav",
        "question": "Which genre?",
        "choice_a": "rock",
        "choice_b": "jazz",
        "choice_c": "blues",
        "choice_d": "pop",
        "answer_gt": "B",
        "uniq_id": 7,
    }
    write(
        tmp_path,
        [item, item | {"path": "gone.wav", "uniq_id": 8}, item | {"path": "../../../../x.wav", "uniq_id": 9}],
    )
    return tmp_path


def write(root, items) -> None:
    (root / audiomarathon.GTZAN_JSON).write_text(json.dumps(items))


def collect(root):
    return list(audiomarathon.collect({"root": str(root), "licence": "CC-BY-NC-4.0"}, root / "out", 0, 1))


def test_items_keep_their_own_question_options_and_answer(root):
    first = collect(root)[0]
    assert (first.text, first.options, first.labels) == (
        "Which genre?",
        ["rock", "jazz", "blues", "pop"],
        ["jazz"],
    )
    assert (first.duration_s, first.sample_rate, first.licence) == (1.0, 22050, "CC-BY-NC-4.0")


def test_missing_and_escaping_audio_is_listed_not_skipped(root):
    assert [c.reason for c in collect(root)] == ["", "missing", "leads out of the folder"]


@pytest.mark.parametrize(
    "change", [{"answer_gt": "E"}, {"choice_c": None, "answer_gt": 3}, {"drop": "question"}]
)
def test_a_garbled_item_is_named_by_number(root, change):
    items = json.loads((root / audiomarathon.GTZAN_JSON).read_text())
    items[1] = {k: v for k, v in (items[1] | change).items() if k != change.get("drop")}
    write(root, items)
    with pytest.raises(UserError, match="item 1 lacks or garbles"):
        collect(root)


def test_a_missing_list_says_what_layout_is_expected(tmp_path):
    with pytest.raises(UserError, match="music_genre_classification_meta.json is missing"):
        collect(tmp_path)


def test_synthetic_clips_are_a_function_of_the_seed(tmp_path):
    wanted = {"train": {"clips_per_class": 1, "min_s": 1, "max_s": 2}}
    settings = {"genres": 4, "recording_s": 1, "splits": wanted, "question": "?"}
    made = {
        name: [(c.clip_id, c.sha256) for c in synthetic_music.collect(settings, tmp_path / name, seed, 1)]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    }
    assert made["a"] == made["b"] != made["c"]
    assert [c.labels for c in audiomarathon.read_gtzan(tmp_path / "a" / "train", "train", "")] == [
        [name.split("-", 1)[1].split(".")[0]] for name, _ in made["a"]
    ]
