"""A user's folder: splits by source, one clear line for every mistake."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from earmark.errors import UserError
from earmark.sources import folder


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
    return list(folder.collect(settings(folder_root, **changes), folder_root / "out", seed, 1))


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
