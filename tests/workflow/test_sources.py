"""The state of a source changes with what a data set is made from, and with nothing else."""

from __future__ import annotations

import os
import shutil

import pytest

from earmark.workflow import sources


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    audio = tmp_path / "mine"
    (audio / "deep").mkdir(parents=True)
    (audio / "metadata.csv").write_text("file,label\na.wav,dog\ndeep/b.wav,cat\n")
    (audio / "a.wav").write_bytes(b"a" * 100)
    (audio / "deep/b.wav").write_bytes(bytes(range(256)) * 20_000)
    return audio


SETTINGS = {"kind": "folder", "root": "mine", "table": "metadata.csv", "label_column": "label"}


@pytest.mark.parametrize(
    "edit",
    [
        lambda f: (f / "metadata.csv").write_text("file,label\na.wav,dog\ndeep/b.wav,cow\n"),
        lambda f: (f / "metadata.csv").write_text("file,label\na.wav,dog\n"),
        lambda f: (f / "a.wav").unlink(),
        lambda f: (f / "a.wav").write_bytes(b"b" * 100),
        lambda f: (f / "deep/b.wav").write_bytes(bytes(reversed(range(256))) * 20_000),
        lambda f: (f / "c.wav").write_bytes(b"c"),
    ],
    ids=["label edited", "row dropped", "removed", "replaced", "large one replaced", "added"],
)
def test_a_change_is_noticed_and_taking_it_back_too(folder, edit):
    before = sources.state(SETTINGS)
    kept = shutil.copytree(folder, folder.parent / "kept")
    edit(folder)
    assert sources.state(SETTINGS) != before
    shutil.rmtree(folder)
    shutil.copytree(kept, folder, copy_function=shutil.copy)  # with other times
    assert sources.state(SETTINGS) == before


def test_times_and_hidden_files_change_nothing(folder):
    before = sources.state(SETTINGS)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / ".DS_Store").write_text("x")
    assert sources.state(SETTINGS) == before


def test_what_the_workflow_writes_is_no_part_of_a_source(folder):
    settings = {"root": str(folder.parent)}
    before = sources.state(settings)
    (folder.parent / "results").mkdir()
    (folder.parent / "results/a.json").write_text("{}")
    assert sources.state(settings) == before


def test_a_source_without_files_has_no_state(folder):
    assert sources.state({"kind": "synthetic_music", "genres": 4}) is None
    assert sources.state({"kind": "youtube", "list": "https://example.org/list.csv"}) is None


def test_a_list_beside_the_folder_counts(folder):
    listed = folder.parent / "list.csv"
    listed.write_text("a")
    before = sources.state({"lists": [str(listed)]})
    listed.write_text("b")
    assert sources.state({"lists": [str(listed)]}) != before
