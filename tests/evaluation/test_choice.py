"""Encoding and answering choose the same clips of a split, each from what it has."""

from __future__ import annotations

import weakref

import cells
import pytest
import soundfile
import torch

from earmark.config.asked import Choice
from earmark.core.errors import UserError
from earmark.core.records import FAILED, SKIPPED, Clip, Part
from earmark.data import shards
from earmark.data.choice import asked_of, without_skipped
from earmark.models import encode
from earmark.models.contract import Audio
from earmark.models.features import FeatureRow, FeatureStore, read_index, read_times, times_of
from earmark.systems.pruning.inputs import Inputs

TASK = Choice(name="sounds", sample_limit=6, balanced_by="label")


def row(name: str, label: str) -> FeatureRow:
    return FeatureRow(Clip(name, [name], [], 1.0, 16000, 1, "test", [label]), 25, 0, 0, 0)


def split():
    clips = [row(f"{label}{i}", label).clip for label in "abc" for i in range(10)]
    clips[3].status = FAILED
    return clips


def test_shards_encode_together_what_the_whole_split_is_asked():
    clips = split()
    made = [without_skipped(part, clips, TASK, 1) for part in (clips[:13], clips[13:])]
    left = [clip.clip_id for part in made for clip in part if clip.status != SKIPPED]
    asked = [each.clip.clip_id for each in asked_of([row(c.clip_id, c.labels[0]) for c in clips], TASK, 1)]
    assert len(asked) == 6 and set(left) == {*asked, "a3"}, "what failed stays failed"
    assert all(clip.ok for clip in clips[:3]), "the manifest's own rows are left as they were"
    # chosen again from rows that say what was skipped, as answering does
    rows = [row(clip.clip_id, clip.labels[0]) for part in made for clip in part]
    assert [each.clip.clip_id for each in asked_of(rows, TASK, 1)] == asked


class Encoder:
    """Notes the lengths of what it encodes: one state per sample."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.encoded: list[int] = []

    def mel(self, samples):
        return torch.zeros(1, len(samples))

    def encode(self, mels):
        self.encoded += [mel.shape[1] for mel in mels]
        return [torch.zeros(mel.shape[1], 2) for mel in mels]


def test_states_are_written_as_they_are_made_and_no_shard_is_held(tmp_path):
    tar, states = tmp_path / "test.tar", tmp_path / "states.safetensors"
    clips = [row(name, "a").clip for name in ("one", "two", "three")]
    for clip in clips:
        path = tmp_path / f"{clip.clip_id}.wav"
        soundfile.write(path, [0.1] * 1600, 16000)
        clip.parts, clip.duration_s, clip.key = [Part(str(path), 0.0, 0.1)], 0.1, clip.clip_id
    shards.write(lambda: iter(clips), tar, tar.with_suffix(".parquet"), shards.Form(16000))
    alive: list[int] = []
    made: list[weakref.ref] = []

    class Counting(Encoder):
        def encode(self, mels):
            alive.append(sum(each() is not None for each in made))
            found = super().encode(mels)
            made.extend(map(weakref.ref, found))
            return found

    encode.encode_shard(Counting(), Audio(), tar, clips, 0.001, states, states.with_suffix(".parquet"), {})
    assert len(alive) == 4 and max(alive) <= 1, "a batch's states are gone before the next but one"
    with FeatureStore([states]) as store:
        assert all(len(store.states(clip.key, 0, 9999)) == 1600 for clip in clips)


def test_equal_states_are_equal_files_however_long_they_took(tmp_path):
    clip = row("one", "a").clip
    path = tmp_path / "one.wav"
    soundfile.write(path, [0.1] * 1600, 16000)
    clip.parts, clip.duration_s, clip.key = [Part(str(path), 0.0, 0.1)], 0.1, clip.clip_id
    tar = tmp_path / "test.tar"
    shards.write(lambda: iter([clip]), tar, tar.with_suffix(".parquet"), shards.Form(16000))
    indexes = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for index in indexes:
        encode.encode_shard(Encoder(), Audio(), tar, [clip], 100, index.with_suffix(".st"), index, {})
    assert indexes[0].read_bytes() == indexes[1].read_bytes()
    rows = read_index(indexes[0])[0]
    read_times(times_of(indexes[0]), rows)
    assert rows[0].load_s > 0 and rows[0].mel_s > 0 and rows[0].encode_s > 0
    times_of(indexes[0]).write_text("{}")
    with pytest.raises(UserError, match="a.times.json cannot be read"):
        read_times(times_of(indexes[0]), rows)


def test_a_skipped_clip_is_not_encoded_and_asking_it_after_all_is_refused(tmp_path):
    clips = [row(name, "a").clip for name in ("one", "two", "three")]
    for length, clip in enumerate(clips, start=1):
        path = tmp_path / f"{clip.clip_id}.wav"
        soundfile.write(path, [0.1] * 1600 * length, 16000)
        clip.parts, clip.duration_s, clip.key = [Part(str(path), 0.0, length / 10)], length / 10, clip.clip_id
    tar, states = tmp_path / "test.tar", tmp_path / "states.safetensors"
    index = states.with_suffix(".parquet")
    shards.write(lambda: iter(clips), tar, tar.with_suffix(".parquet"), shards.Form(16000))
    limited = Choice(name="sounds", sample_limit=1, balanced_by="label")
    marked, encoder = without_skipped(clips, clips, limited, 0), Encoder()
    encode.encode_shard(encoder, Audio(), tar, marked, 100, states, index, {})
    kept = [each for each in read_index(index)[0] if each.clip.ok]
    assert set(encoder.encoded) == {kept[0].tokens} and len(kept) == 1
    with FeatureStore([states]) as store:
        assert len(store.states(kept[0].clip.key, 0, 9999)) == kept[0].tokens

    with pytest.raises(UserError, match="was encoded for another sample_limit"):
        Inputs.of(cells.cell(sample_limit=6), [read_index(index)], Audio(), tmp_path)
