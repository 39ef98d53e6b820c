"""What changed since a file was made is said in words."""

from __future__ import annotations

import pytest

from earmark.core.files import write_json
from earmark.workflow import changes, given
from earmark.workflow.messages import told


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def params(value) -> str:
    """A param as Snakemake records a settings file."""
    return repr(given.settings_file(value))


def test_equal_settings_are_one_file_and_others_another(tmp_path):
    first = given.settings_file({"a": 1, "b": [0.5]})
    assert given.settings_file({"b": [0.5], "a": 1}) == first
    assert given.settings_file({"a": 2, "b": [0.5]}) != first
    assert (tmp_path / first).is_file()


def test_a_changed_key_is_named_with_both_values():
    old = {"seed": 0, "prompt": {"question": "What?", "mark": "A."}}
    new = {"seed": 1, "prompt": {"question": "Which one?", "mark": "A."}}
    assert changes.words([params(old)], [params(new)]) == [
        "prompt.question: What? is now Which one?",
        "seed: 0 is now 1",
    ]


def test_keys_that_come_and_go_are_told():
    old, new = {"a": 1, "b": {"c": True}}, {"a": 1, "b": {}, "d": None}
    assert changes.words([params(old)], [params(new)]) == [
        "b.c: not set any more, before true",
        "d: null, not set before",
    ]


def test_long_values_are_cut_and_many_changes_counted():
    old, new = {str(k): 0 for k in range(9)}, {str(k): "x" * 99 for k in range(9)}
    lines = changes.words([params(old)], [params(new)])
    assert len(lines) == changes.MOST + 1 and lines[-1] == "and 5 more changes"
    assert all(len(line) < 100 for line in lines)


def test_one_word_far_behind_in_a_long_text_is_seen():
    text = "Listen to the recording from its beginning to its end. Answer with the {} only."
    old, new = {"template": text.format("letter")}, {"template": text.format("name")}
    (line,) = changes.words([params(old)], [params(new)])
    assert line == "template: ...with the letter only. is now ...with the name only."


def test_the_file_of_the_code_that_changed_is_named(tmp_path):
    (tmp_path / given.CODE).mkdir(parents=True)
    for digest, state in (("0" * 16, "old"), ("1" * 16, "new")):
        write_json(given.CODE / f"{digest}.json", {"earmark/reduction/dart.py": state, "answer.py": "same"})
    assert changes.words([repr("0" * 16)], [repr("1" * 16)]) == ["code changed: earmark/reduction/dart.py"]
    assert changes.words([repr("2" * 16)], [repr("1" * 16)]) == ["code changed"], (
        "what it was is not known any more"
    )


def test_a_plain_param_is_told_by_its_values():
    assert changes.words(["0"], ["1"]) == ["0 is now 1"]
    assert changes.words([], ["'a'"]) == ["a setting is now a"]


def test_snakemakes_reasons_become_plain_words():
    before = given.settings_file({"seed": 0})
    now = given.settings_file({"seed": 1})
    reason = (
        "Updated input files: data/a.parquet, data/b.parquet; Params have changed since last execution: Union of "
        f"exclusive params before and now across all output: before: '{before}','a, b' now: '{now}','c' "
    )
    assert told(reason) == ["changed: data/a.parquet, data/b.parquet", "seed: 0 is now 1", "a, b is now c"]
    assert told("Missing output files: a.json; Updated input files: b") == ["not made yet"]
    assert told("Code has changed since last execution") == ["its command changed"]


def test_pinned_versions_are_told_in_a_sentence():
    line = "other versions of packages are pinned for it, or it was made without any"
    assert changes.words([], ["'versions: numpy 2'"]) == [line]
    assert changes.words(["'versions: numpy 1'"], ["'versions: numpy 2'"]) == [line]
