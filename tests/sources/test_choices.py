"""One loader reads the layouts of multiple-choice benchmarks; nothing is guessed at."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from made import completed, tone

from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.data.sources import choices as source
from earmark.scoring.parsers import mmau


@pytest.fixture
def root(tmp_path):
    (tmp_path / "audio").mkdir()
    for number in range(3):
        (tmp_path / "audio" / f"{number}.wav").write_bytes(tone(1 + number, 300))
    return tmp_path


def items():
    return [
        {"id": "a", "audio_path": "./audio/0.wav", "question": "Which?", "choices": ["dog", "cat"], "answer": "cat", "modality": "sound"},
        {"id": "b", "audio_path": ["audio/1.wav", "audio/2.wav"], "question": "Who?", "choices": ["x", "y", "z"], "answer": "(C)", "modality": "mix"},
        {"id": "c", "audio_path": "audio/0.wav", "question": "What?", "choices": ["x", "y"], "answer": "w", "modality": "sound"},
    ]  # fmt: skip


def collect(root, lists="list.json", **settings):
    complete = completed(
        kind="choices", root=str(root), lists=lists, facets={"modality": "modality"}, **settings
    )
    return list(source.collect(complete, root / "out", 0, 1))


def write(root, name):
    if name.endswith("parquet"):
        rows = [row | {"audio_path": source._listed(row["audio_path"])} for row in items()]
        pq.write_table(pa.Table.from_pylist(rows), root / name)
    elif name.endswith("jsonl"):
        (root / name).write_text("\n".join(map(json.dumps, items())))
    else:
        (root / name).write_text(json.dumps(items()))


@pytest.mark.parametrize("name", ["list.json", "list.jsonl", "list.parquet"])
def test_items_become_clips_with_question_options_answer_and_facets(root, name):
    write(root, name)
    one, two, none = collect(root, name)
    assert (one.text, one.options, one.labels, one.group) == (
        "Which?",
        ["dog", "cat"],
        ["cat"],
        "modality=sound",
    )
    assert (one.ok, one.duration_s, one.split, len(one.parts)) == (True, 1.0, "test", 1)
    # several recordings are heard one after the other
    assert (two.labels, two.duration_s, len(two.parts), len(two.source_id)) == (["z"], 5.0, 2, 2)
    # an answer that is none of the options is never guessed at
    assert not none.ok and none.reason == "no label (the answer is none of the options)"


def test_items_can_be_left_out_by_a_key(root):
    write(root, "list.json")
    assert [clip.clip_id for clip in collect(root, only={"modality": ["mix"]})] == ["b"]


def test_a_missing_key_and_an_id_that_stands_twice_end_in_one_line(root):
    write(root, "list.json")
    with pytest.raises(UserError, match=r"columns.answer: .*item 0 has no 'solution'"):
        collect(root, columns={"answer": "solution"})
    (root / "list.json").write_text(json.dumps([items()[0], items()[0]]))
    with pytest.raises(UserError, match=r"item 1: the id 'a' stands in list.json, item 0 too"):
        collect(root)


def test_a_recording_outside_the_folder_is_not_read(root):
    (root / "list.json").write_text(json.dumps([items()[0] | {"audio_path": "../outside.wav"}]))
    (clip,) = collect(root)
    assert not clip.ok


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        ("b", 1),
        ("(B)", 1),
        ("B.", 1),
        ("A dog", 0),
        ("a DOG", 0),
        ("2", 2),
        ("7", None),
        ("D", None),
        ("", None),
    ],
)
def test_an_answer_key_is_a_text_a_letter_or_a_number(answer, index):
    assert source.chosen(answer, ["a dog", "a cat", "rain"]) == index


def test_options_may_have_keys_of_their_own_and_paths_be_put_together(root):
    (root / "audio" / "3.flac").write_bytes((root / "audio" / "0.wav").read_bytes())
    item = {
        "where": "audio",
        "n": 3,
        "question": "Which?",
        "a": "dog",
        "b": "cat",
        "c": None,
        "answer": "cat",
    }
    (root / "list.json").write_text(json.dumps([item]))
    columns = {"id": None, "audio": "{where}/{n}.wav", "options": ["a", "b", "c"]}
    (clip,) = collect(root, columns=columns)
    assert (clip.clip_id, clip.options, clip.labels) == ("list item 0", ["dog", "cat"], ["cat"])
    assert clip.ok and clip.parts[0].path.endswith("3.flac")
    with pytest.raises(UserError, match=r"columns.audio: .*item 0 has no 'there'"):
        collect(root, columns=columns | {"audio": "{there}/{n}.wav"})


@pytest.mark.parametrize(
    ("answer", "labels"), [("[3, 5]", ["[3, 5]"]), ([3, 5], ["[3, 5]"]), (31, ["31"]), ("many", [])]
)
def test_without_options_the_answer_is_a_number_or_a_range(root, answer, labels):
    (root / "list.json").write_text(json.dumps([items()[0] | {"answer": answer}]))
    (clip,) = collect(root, columns={"options": None})
    assert (clip.options, clip.labels) == ([], labels)
    assert clip.ok == bool(labels) and (clip.ok or clip.reason == "no label (the answer is no number)")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("https://example.org/watch?v=1", "wanted"),
        ("file:///etc/passwd", "failed"),
        ("ytsearch:rain", "failed"),
        ("https://example.org/a b", "failed"),
        (["https://example.org/1", "https://example.org/2"], "failed"),
        (None, "failed"),
    ],
)
def test_a_list_of_addresses_comes_without_sound_and_what_is_none_is_never_asked_for(root, address, status):
    (root / "list.json").write_text(json.dumps([items()[0] | {"video_url": address}]))
    (clip,) = collect(root, columns={"url": "video_url"})
    assert clip.status == status and (status == "failed") == clip.reason.startswith("no address")
    assert (clip.labels, clip.source_id, clip.duration_s) == (["cat"], ["./audio/0.wav"], 0.0)
    assert [part.path for part in clip.parts] == ([address] if clip.status == "wanted" else [])


def test_an_item_whose_answer_is_no_option_is_not_fetched(root):
    (root / "list.json").write_text(json.dumps([items()[2] | {"video_url": "https://example.org/1"}]))
    (clip,) = collect(root, columns={"url": "video_url"})
    assert (clip.status, clip.origin) == ("failed", "example.org")
    with pytest.raises(UserError, match=r"columns.url: .*item 0 has no 'address'"):
        collect(root, columns={"url": "address"})


@pytest.mark.parametrize(
    "task",
    ["mmau_mini", "mmar", "mmau_pro", "mmsu", "air_bench", "blab_speakers", "blab_duration", "blab_events"],
)
def test_the_tasks_name_the_keys_of_their_layout(task):
    content = yaml.safe_load((ROOT / "config" / "tasks" / f"{task}.yaml").read_text())
    complete = completed(**content["data"]["source"])
    assert complete.kind == "choices" and complete.licence


@pytest.mark.parametrize(
    ("reply", "index"),
    [
        ("The answer is a dog.", 0),
        ("cat", None),
        ("a cat", 1),
        ("a dog and a cat", None),
        ("heavy rain", 2),
        ("rain", None),
        ("B", None),
        ("", None),
    ],
)
def test_mmaus_rule_takes_all_words_of_an_option_and_none_of_the_others(reply, index):
    assert mmau.parse(reply, ["a dog", "a cat", "heavy rain"]) == index
