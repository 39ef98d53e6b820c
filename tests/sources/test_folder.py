"""A user's folder: splits by source, one clear line for every mistake."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from made import completed

from earmark.core.errors import UserError
from earmark.data.sources import folder


def settings(folder_root, **changes):
    return {
        "kind": "folder",
        "root": str(folder_root),
        "table": "metadata.csv",
        "file_column": "file",
        "label_column": "label",
        "licence_column": None,
        "split_column": None,
        "group_pattern": r"-(\d+)-",
        "test_share": 0.5,
    } | changes


@pytest.fixture
def root(tmp_path):
    lines = ["file,label"]
    for label in ("dog", "rain"):
        for source in range(6):
            for take in "AB":
                name = f"{label}-{source}{ord(label[0])}-{take}.wav"
                soundfile.write(
                    tmp_path / name, np.random.default_rng(source).standard_normal(8000) * 0.1, 16000
                )
                lines.append(f"{name},{label}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def collect(folder_root, seed=0, **changes):
    return list(folder.collect(completed(**settings(folder_root, **changes)), folder_root / "out", seed, 1))


def test_takes_of_one_recording_are_never_on_both_sides(root):
    clips = collect(root)
    splits: dict[str, set[str]] = {}
    for clip in clips:
        splits.setdefault(clip.source_id[0], set()).add(clip.split)
    assert all(len(s) == 1 for s in splits.values())
    assert sum(c.split == "test" for c in clips) == 12


def test_the_split_depends_on_seed_and_names_not_on_the_order_of_the_table(root):
    before = {c.clip_id: c.split for c in collect(root)}
    lines = (root / "metadata.csv").read_text().splitlines()
    (root / "metadata.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    assert {c.clip_id: c.split for c in collect(root)} == before
    assert {c.clip_id: c.split for c in collect(root, seed=1)} != before


def test_unusable_files_are_listed_with_reasons(root):
    (root / "dog-0100-A.wav").write_bytes(b"")
    (root / "rain-0114-A.wav").unlink()
    reasons = {c.clip_id: c.reason for c in collect(root) if not c.ok}
    assert reasons == {"dog-0100-A.wav": "empty file", "rain-0114-A.wav": "missing"}


def test_a_file_name_that_leads_out_of_the_folder_is_refused(root):
    with (root / "metadata.csv").open("a") as table:
        table.write("../-9-secret.wav,dog\n")
    assert [c.reason for c in collect(root) if not c.ok] == ["leads out of the folder"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": "/nowhere"}, "no folder"),
        ({"table": "metadat.csv"}, "did you mean 'metadata.csv'"),
        ({"label_column": "lable"}, "did you mean 'label'"),
        ({"group_pattern": "x(y)"}, "group_pattern"),
        ({"test_share": 0.01}, "too few"),
    ],
)
def test_mistakes_are_named_with_a_hint(root, changes, message):
    with pytest.raises(UserError, match=message):
        collect(root, **changes)


def sorted_files(top, split=""):
    """Recordings sorted into folders, among what operating systems leave behind."""
    for which, label in enumerate(("dog", "rain", "雨")):
        (top / split / label).mkdir(parents=True)
        for number in range(4):
            # No two of equal content, which would be one recording.
            level = 0.1 + 0.01 * (4 * which + number) + (0.2 if split == "test" else 0)
            soundfile.write(top / split / label / f"{number}.wav", np.full(1600, level, np.float32), 16000)
    for junk in (".DS_Store", "._0.wav", ".hidden/x.wav", "__MACOSX/dog/0.wav", "notes.txt"):
        (top / junk).parent.mkdir(parents=True, exist_ok=True)
        (top / junk).write_bytes(b"junk")


def test_without_a_table_a_files_folder_is_its_label(tmp_path):
    sorted_files(tmp_path)
    clips = collect(tmp_path, table=None, group_pattern=None, licence="CC0-1.0")
    assert [c.clip_id for c in clips] == [
        f"{label}/{n}.wav" for label in ("dog", "rain", "雨") for n in range(4)
    ]
    assert all(c.labels == [c.clip_id.split("/")[0]] and c.licence == "CC0-1.0" and c.ok for c in clips)
    assert sum(c.split == "test" for c in clips) == 6


def test_folders_called_train_and_test_are_the_splits(tmp_path):
    for split in ("train", "test"):
        sorted_files(tmp_path, split)
    clips = collect(tmp_path, table=None, group_pattern=None)
    assert {(c.split, c.labels[0]) for c in clips} == {
        (split, label) for split in ("train", "test") for label in ("dog", "rain", "雨")
    }
    assert all(c.clip_id.startswith(f"{c.split}/") for c in clips)


def test_files_in_no_folder_and_folders_without_files_are_said(tmp_path):
    with pytest.raises(UserError, match="no audio file below"):
        collect(tmp_path, table=None)
    soundfile.write(tmp_path / "a.wav", np.full(1600, 0.1, np.float32), 16000)
    with pytest.raises(UserError, match="a.wav is in no folder that names its label"):
        collect(tmp_path, table=None)


def test_a_file_listed_twice_is_named_with_its_line(root):
    with (root / "metadata.csv").open("a") as table:
        table.write("dog-0100-A.wav,dog\n")
    with pytest.raises(UserError, match="line 26 lists 'dog-0100-A.wav' more than once"):
        collect(root)


def test_many_threads_give_the_same_rows_in_the_same_order(root):
    one, many = (
        list(folder.collect(completed(**settings(root)), root / "out", 0, threads)) for threads in (1, 8)
    )
    assert one == many
