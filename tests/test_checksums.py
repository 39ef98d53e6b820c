"""Two inputs have one checksum if, and only if, they say the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earmark.core.checksums import CLIPS, ORIGINS, STATES, Clips, metadata, of_indexes, verify
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.records import Clip

CLIP = replace(Clip.unread("a.wav", "a", "test", ["dog"]), key="k", sha256="0" * 64, text="What?", group="p")


def digest(states: Path, *clips: Clip) -> str:
    taken = Clips()
    for clip in clips:
        taken.add(clip)
    return taken.metadata(states)[CLIPS]


@pytest.fixture
def states(tmp_path: Path) -> Path:
    path = tmp_path / "states.safetensors"
    path.write_bytes(b"states")
    return path


def index(path: Path, metadata: dict[str, str]) -> Path:
    pq.write_table(pa.table({"key": ["k"]}).replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize(
    "other",
    [
        {"clip_id": "b"},
        {"key": "l"},
        {"sha256": "1" * 64},
        {"status": "failed"},
        {"labels": ["cat"]},
        {"text": "Why?"},
        {"group": "q"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_clip_audio_label_text_or_group_is_another_checksum(states, other: dict[str, Any]):
    assert digest(states, CLIP) != digest(states, replace(CLIP, **other))


def test_where_a_file_lay_and_how_long_it_took_are_not_in_it(states):
    moved = replace(CLIP, parts=[], shard="elsewhere.tar")
    assert digest(states, CLIP) == digest(states, moved)


def test_the_order_and_the_number_of_clips_are_in_it(states):
    other = replace(CLIP, clip_id="b")
    assert len({digest(states, *clips) for clips in ((CLIP, other), (other, CLIP), (CLIP,))}) == 3


def test_an_index_says_which_states_it_belongs_to_and_which_commits_clips_are_from(states):
    taken = Clips()
    for commit in ("2", "1", "2"):
        taken.add(replace(CLIP, origin=f"hub:owner/name@{commit}"))
    taken.add(replace(CLIP, origin="youtube"))
    said = taken.metadata(states)
    assert said[STATES] == sha256(states)
    assert said[ORIGINS] == '["hub:owner/name@1", "hub:owner/name@2"]'


def test_shards_are_told_apart_as_one_and_what_an_index_does_not_say_is_left_out(tmp_path):
    first = index(tmp_path / "1.parquet", {CLIPS: "a", STATES: "s", ORIGINS: '["hub:x@1"]'})
    second = index(tmp_path / "2.parquet", {CLIPS: "b", ORIGINS: '["hub:x@1"]'})
    forth, back = of_indexes([first, second]), of_indexes([second, first])
    assert set(forth) == {CLIPS, ORIGINS} and forth[ORIGINS] == ["hub:x@1"]
    assert forth[CLIPS] != back[CLIPS] != of_indexes([first])[CLIPS]


def test_a_damaged_index_is_named(tmp_path):
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"no Parquet")
    with pytest.raises(UserError, match=r"damaged\.parquet is damaged .*; delete it to make it again"):
        of_indexes([damaged])


def test_files_with_other_bytes_than_were_written_are_refused_with_the_cure(states: Path) -> None:
    written = index(states.with_suffix(".parquet"), Clips().metadata(states))
    verify([states], [written])
    states.write_bytes(b"statez")
    with pytest.raises(
        UserError, match="states.safetensors holds other bytes .* delete .*states.safetensors"
    ):
        verify([states], [written])
    states.unlink()
    with pytest.raises(UserError, match="states.safetensors cannot be read .No such file"):
        verify([states], [written])


def test_a_file_of_which_nothing_was_recorded_is_no_reason_to_refuse_it(states: Path) -> None:
    written = index(states.with_suffix(".parquet"), {})
    states.write_bytes(b"of another program")
    verify([states], [written])
    assert states.read_bytes() == b"of another program" and STATES not in metadata(written)
