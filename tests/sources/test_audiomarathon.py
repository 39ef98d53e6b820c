"""AudioMarathon's layouts: what is there is read, what is missing or garbled is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made import completed

from earmark.core.errors import UserError
from earmark.core.records import Clip, read_manifest
from earmark.data.sources import audiomarathon, synthetic_music
from earmark.data.sources.audiomarathon_layouts import HAD, LIBRISPEECH, LISTS

CHOICES = {"choice_a": "rock", "choice_b": "jazz", "choice_c": "blues", "choice_d": "pop"}
ITEM = {"path": "a.wav", "question": "Which?", **CHOICES, "answer_gt": "B", "uniq_id": 7}
AGES = {f"choice_{mark}": f"Age {mark}" for mark in "abcde"}


def write(root: Path, task: str, entries: object) -> None:
    path = root / LISTS[task].lists[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))


def record(path: Path, rate: int = 22050) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(rate, np.float32) + 0.1, rate)


def collect(root: Path, task: str = "gtzan") -> list[Clip]:
    settings = completed(kind="audiomarathon", task=task, root=str(root))
    return list(audiomarathon.collect(settings, root / "out", 0, 1))


@pytest.fixture
def root(tmp_path):
    record(tmp_path / LISTS["gtzan"].folders[0] / "a.wav")
    others = [ITEM | {"path": "gone.wav", "uniq_id": 8}, ITEM | {"path": "../../../../x.wav", "uniq_id": 9}]
    write(tmp_path, "gtzan", [ITEM, *others])
    return tmp_path


def test_items_keep_their_own_question_options_and_answer(root):
    first = collect(root)[0]
    assert (first.text, first.options, first.labels) == ("Which?", ["rock", "jazz", "blues", "pop"], ["jazz"])
    assert (first.duration_s, first.sample_rate, first.licence) == (1.0, 22050, "CC-BY-NC-4.0")


def test_missing_and_escaping_audio_is_listed_not_skipped(root):
    assert [c.reason for c in collect(root)] == ["", "missing", "leads out of the folder"]


@pytest.mark.parametrize(
    ("task", "entry", "expected"),
    [
        (
            "desed",
            {"audio": {"path": "a.wav"}, "question": "Which?", "task_type": "count", "answer_gt": "d"}
            | {"choices": {"A": "1", "B": "2", "C": "3", "D": "4"}},
            ("4", ["1", "2", "3", "4"], "task_type=count"),
        ),
        (
            "race",
            {"audio_path": "middle/a.wav", "question": "Which?", "options": ["w", "x", "y", "z"]}
            | {"answer": "C", "id": "middle1.txt", "question_idx": 2},
            ("y", ["w", "x", "y", "z"], "level=middle"),
        ),
        ("slue", ITEM | {"task_name": "ner"}, ("jazz", list(CHOICES.values()), "task_name=ner")),
        ("tau", ITEM | {"scene_label": "bus"}, ("jazz", list(CHOICES.values()), "scene=bus")),
        (
            "vesus",
            ITEM | {"emotion_label": "Sad", "person_id": "person_2", "answer_gt": "Jazz"},
            ("jazz", list(CHOICES.values()), "emotion=Sad;person=2"),
        ),
        (
            "vox_gender",
            {"path": "a.wav", "question": "Which?", "answer_gt": "Female", "speaker_id_original": "id1"},
            ("female", [], "speaker=id1"),
        ),
        (
            "vox_age",
            {
                "path": "a.wav",
                "question": "Which?",
                "speaker_id_original": "id1",
                "answer_gt": "Age e",
                **AGES,
            },
            ("Age e", list(AGES.values()), "speaker=id1"),
        ),
    ],
)
def test_every_list_is_read_in_its_own_spelling(tmp_path, task, entry, expected):
    record(tmp_path / LISTS[task].folders[-1] / str(entry.get("audio_path", "a.wav")))
    write(tmp_path, task, {"tasks": [entry]} if task == "desed" else [entry])
    (clip,) = collect(tmp_path, task)
    assert clip.ok, clip.reason
    assert (clip.labels[0], clip.options, clip.group) == expected
    assert clip.text == "Which?"


def test_had_is_a_folder_per_class(tmp_path):
    for name in ("real/b.wav", "real/a.flac", "fake/c.wav"):
        record(tmp_path / HAD / name)
    (tmp_path / HAD / "real" / "notes.txt").write_text("no audio")
    assert [(c.clip_id, c.labels) for c in collect(tmp_path, "had")] == [
        ("test-real/a.flac", ["real"]),
        ("test-real/b.wav", ["real"]),
        ("test-fake/c.wav", ["fake"]),
    ]


def test_transcripts_lie_beside_the_recordings_in_either_form(tmp_path):
    folder = tmp_path / LIBRISPEECH[0] / "12" / "34"
    for name in ("12-34-0000", "12-34-0001", "12-34-0002"):
        record(folder / f"{name}.flac")
    (folder / "12-34.trans.txt").write_text("12-34-0000 ONE TWO\n")
    (folder / "12-34-0001.txt").write_text("THREE\n")
    clips = collect(tmp_path, "librispeech")
    assert [(c.text, c.reason) for c in clips] == [("ONE TWO", ""), ("THREE", ""), ("", "no transcript")]
    assert {(c.group, c.source_id[0]) for c in clips} == {("speaker=12", "test/speaker 12")}


def test_questions_on_one_recording_are_clips_of_their_own(tmp_path):
    record(tmp_path / LISTS["slue"].folders[0] / "a.wav")
    write(tmp_path, "slue", [ITEM, ITEM])
    assert [c.clip_id for c in collect(tmp_path, "slue")] == ["test-7", "test-7#2"]


@pytest.mark.parametrize(
    "change",
    [{"answer_gt": "E"}, {"choice_c": None}, {"answer_gt": 3}, {"drop": "question"}, {"path": ""}],
)
def test_a_garbled_item_is_named_by_number(root, change):
    items = json.loads((root / LISTS["gtzan"].lists[0]).read_text())
    items[1] = {k: v for k, v in (items[1] | change).items() if k != change.get("drop")}
    write(root, "gtzan", items)
    with pytest.raises(UserError, match="item 1 lacks or garbles"):
        collect(root)


@pytest.mark.parametrize("content", ["not an item", 3, None])
def test_what_is_no_item_is_named_by_number(root, content):
    write(root, "gtzan", [content])
    with pytest.raises(UserError, match="item 0 lacks or garbles"):
        collect(root)


@pytest.mark.parametrize("task", [*LISTS, "had", "librispeech"])
def test_a_missing_list_or_folder_says_what_layout_is_expected(tmp_path, task):
    with pytest.raises(UserError, match="is missing; the layout is that of the published data set"):
        collect(tmp_path, task)


def test_an_unknown_task_and_a_missing_root_are_named(tmp_path):
    with pytest.raises(UserError, match="unknown task 'gtzn'; did you mean 'gtzan'"):
        list(audiomarathon.read("gtzn", tmp_path, "test", ""))
    with pytest.raises(UserError, match="there is no folder"):
        collect(tmp_path / "nowhere")


def test_synthetic_clips_are_a_function_of_the_seed(tmp_path):
    wanted = {"train": {"clips_per_class": 1, "min_s": 1, "max_s": 2}}
    settings = completed(kind="synthetic_music", genres=4, recording_s=1, splits=wanted, question="?")
    made = {
        name: [(c.clip_id, c.sha256) for c in synthetic_music.collect(settings, tmp_path / name, seed, 1)]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    }
    assert made["a"] == made["b"] != made["c"]
    assert [c.labels for c in audiomarathon.read("gtzan", tmp_path / "a" / "train", "train", "")] == [
        [name.split("-", 1)[1].split(".")[0]] for name, _ in made["a"]
    ]


def test_recorded_speech_is_read_in_the_real_layouts(real_speech):
    spoken = collect(real_speech, "librispeech")
    assert len(spoken) == 20
    assert all(c.ok and c.duration_s > 1 and len(c.text.split()) > 2 for c in spoken), spoken[0].reason
    voices = collect(real_speech, "vox_gender")
    assert len(voices) >= 20 and all(c.ok for c in voices)
    assert {c.labels[0] for c in voices} == {"male", "female"}
    assert all(c.group.startswith("speaker=librispeech_") for c in voices)


@pytest.mark.parametrize("allowed", [0.0, 0.9])
def test_every_missing_file_is_listed_before_anything_is_made_of_the_rest(tmp_path, download, allowed):
    record(tmp_path / LISTS["gtzan"].folders[0] / "a.wav")
    gone = [ITEM | {"path": f"gone{number}.wav", "uniq_id": number} for number in range(6)]
    write(tmp_path, "gtzan", [ITEM, *gone])
    source = {"kind": "audiomarathon", "task": "gtzan", "root": str(tmp_path)}
    done = download("--max-failed-share", str(allowed), check=allowed > 0, **source)
    for entry in gone:
        assert (
            f"cannot be used: {tmp_path / LISTS['gtzan'].folders[0] / entry['path']}: missing" in done.stdout
        )
    if allowed:
        assert len(read_manifest(download.output)) == 7
    else:
        assert "6 of 7 recordings cannot be used" in done.stdout and not download.output.exists()


def test_genres_are_found_wherever_their_paths_begin(tmp_path):
    # The public builder writes paths from the folder above the one that the public scripts put in front.
    record(tmp_path / "GTZAN/concatenated_audio/wav/a.wav")
    write(tmp_path, "gtzan", [ITEM, ITEM | {"path": "wav/a.wav", "uniq_id": 8}])
    assert [c.reason for c in collect(tmp_path)] == ["", ""]
