"""Speech Commands as published: its lists decide, noise is no word, what is listed must be there."""

from __future__ import annotations

import pytest
from made import completed, tone

from earmark.core.errors import UserError
from earmark.data.sources.speech_commands import collect


@pytest.fixture
def root(tmp_path):
    for word in ("bed", "cat", "_background_noise_", ".git"):
        (tmp_path / word).mkdir()
        for name in ("aa11_nohash_0.wav", "bb22_nohash_0.wav", "bb22_nohash_1.wav", "cc33_nohash_0.wav"):
            (tmp_path / word / name).write_bytes(tone())
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "testing_list.txt").write_text("bed/aa11_nohash_0.wav\ncat/aa11_nohash_0.wav\n")
    (tmp_path / "validation_list.txt").write_text("bed/cc33_nohash_0.wav\ncat/cc33_nohash_0.wav\n\n")
    return tmp_path


def collected(root):
    return list(collect(completed(kind="speech_commands", root=str(root)), root, 0, 1))


def test_lists_decide_who_trains_chooses_and_tests(root):
    clips = collected(root)
    assert all(clip.ok for clip in clips)
    assert [clip.labels for clip in clips] == [["bed"]] * 4 + [["cat"]] * 4
    assert [(clip.split, clip.group) for clip in clips[:4]] == [
        ("test", ""), ("train", ""), ("train", ""), ("train", "validation"),
    ]  # fmt: skip
    assert clips[1].source_id == clips[2].source_id == ["bb22"], "a speaker is one source"


def test_what_is_listed_and_missing_or_elsewhere_is_a_failed_row(root):
    with (root / "testing_list.txt").open("a") as stream:
        stream.write("cat/dd44_nohash_0.wav\n../../etc/passwd\n")
    failed = {clip.clip_id: clip.reason for clip in collected(root) if not clip.ok}
    assert failed == {
        "cat/dd44_nohash_0.wav": "missing",
        "../../etc/passwd": "leads out of the folder",
    }


def test_another_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no .*testing_list.txt; root is the folder"):
        collected(tmp_path)
    with pytest.raises(UserError, match="there is no folder .*gone"):
        collected(tmp_path / "gone")
