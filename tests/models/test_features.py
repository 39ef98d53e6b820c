"""Encoder states are read as they were written, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from earmark.core.checksums import STATES
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.records import Clip, Part
from earmark.models.features import FeatureRow, FeatureStore, check_states, read_index, write_index


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "test-00000-of-00001.safetensors"
    save_file({"a": torch.arange(12.0).reshape(4, 3)}, path)
    index = path.with_suffix(".parquet")
    write_index(index, [], {STATES: sha256(path)})
    return path, index


def test_states_are_read_by_key_and_window(stored):
    path, index = stored
    check_states([path], [read_index(index)[1]])
    with FeatureStore([path]) as store:
        assert store.states("a", 1, 3).tolist() == [[3, 4, 5], [6, 7, 8]]


def test_states_with_a_flipped_bit_are_refused_with_file_and_cure(stored):
    path, index = stored
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path.name} is no longer the file .* delete both"):
        check_states([path], [read_index(index)[1]])


def test_an_index_is_the_same_wherever_its_recordings_lay(tmp_path):
    written = []
    for root in ("sounds", "/elsewhere/sounds"):
        part = Part(f"{root}/dog.wav", 0.0, 5.0)
        clip = Clip("c", ["dog"], [part], 5.0, 16000, 1, "test", ["dog"], key="k", sha256="0" * 64)
        index = tmp_path / f"{len(written)}.parquet"
        write_index(index, [FeatureRow(clip, 50)], {STATES: ""})
        written.append(index.read_bytes())
    assert written[0] == written[1]
    ((row,), _) = read_index(index)
    assert (row.clip, row.tokens) == (replace(clip, parts=[]), 50)
