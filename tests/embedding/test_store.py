"""What is written is what is read, by plain safetensors too; damage and wrong names are said."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from earmark.core.checksums import STATES
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.places import ROOT
from earmark.models.state_writer import StateWriter
from earmark.systems.embeddings.probe.read import read
from earmark.systems.embeddings.store import EmbeddingRow, EmbeddingStore, Segment, write_index


def row(clip_id, states, pooling="none", **more):
    return EmbeddingRow(
        clip_id=clip_id,
        key=clip_id.replace("/", "-"),
        source_id=[f"{clip_id}.wav"],
        labels=["rock", "loud"],
        split="test",
        duration_s=1.0,
        layer="encoder",
        pooling=pooling,
        span="audio",
        norm="encoder",
        frames_per_second=25.0,
        dtype=str(states.dtype),
        shape=list(states.shape),
        windows=1,
        segments=[Segment("audio", 0, 0, len(states), 0.0, 1.0)],
        vector=states.tolist() if states.dim() == 1 else None,
        **more,
    )


def write(folder, clips, number=0, **more):
    path = folder / "_states" / f"test-{number:05d}-of-00002.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [row(clip_id, states, **more) for clip_id, states in clips.items()]
    with path.open("wb") as stream:
        writer = StateWriter(stream, len(clips), {"model": "m"})
        for one in rows:
            writer.add(one.key, clips[one.clip_id])
        writer.close()
    write_index(folder / f"{path.stem}.parquet", rows, {"model": "m", STATES: sha256(path)})
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_states_come_back_by_clip_id_and_from_plain_safetensors(tmp_path, dtype):
    clips = {f"a/{i}": torch.randn(3 + i, 4).to(dtype) for i in range(5)}
    path = write(tmp_path, clips)
    other = write(tmp_path, {"b/0": torch.ones(2, 4, dtype=dtype)}, number=1)
    assert other != path
    with EmbeddingStore(tmp_path) as store:
        assert list(store) == [*clips, "b/0"] and len(store) == 6 and "a/3" in store
        for clip_id, states in clips.items():
            assert torch.equal(store[clip_id], states)
        assert store.row("a/1")["label"] == "rock" and store.row("a/1")["shape"] == [4, 4]
    assert torch.equal(load_file(path)["a-2"], clips["a/2"])


def test_pooled_vectors_stand_in_parquet_too(tmp_path):
    clips = {f"{i}": torch.randn(4) for i in range(3)}
    path = write(tmp_path, clips, pooling="mean")
    table = pq.read_table(tmp_path / f"{path.stem}.parquet")
    assert np.allclose(np.asarray(table["vector"].to_pylist()), torch.stack(list(clips.values())).numpy())
    with EmbeddingStore(tmp_path) as store:
        matrix, rows = store.vectors()
        assert matrix.shape == (3, 4) and [r["clip_id"] for r in rows] == list(clips)


def test_pandas_reads_a_folder_of_two_shards_as_the_docs_say(tmp_path, monkeypatch):
    folder = tmp_path / "embeddings/demo/gtzan/encoder"
    folder.parent.mkdir(parents=True)
    write(folder, {"a": torch.ones(4)}, pooling="mean")
    write(folder, {"b": torch.zeros(4)}, number=1, pooling="mean")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/embeddings.md").read_text(), re.DOTALL)
    seen: dict = {}
    exec(next(block for block in blocks if "read_parquet" in block), seen)
    assert seen["table"]["clip_id"].tolist() == ["a", "b"] and list(seen["table"].index) == [0, 1]
    assert seen["table"]["vector"][0].tolist() == [1.0] * 4


def test_unpooled_states_are_no_vectors(tmp_path):
    write(tmp_path, {"a": torch.ones(2, 4)})
    with EmbeddingStore(tmp_path) as store, pytest.raises(UserError, match="set pooling to"):
        store.vectors()


def test_an_unknown_clip_names_the_nearest(tmp_path):
    write(tmp_path, {"blues.0001": torch.ones(4)}, pooling="mean")
    with EmbeddingStore(tmp_path) as store, pytest.raises(UserError, match=r"did you mean 'blues\.0001'"):
        store["blues.001"]


def test_a_damaged_shard_and_an_empty_folder_are_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no embeddings"):
        EmbeddingStore(tmp_path)
    path = write(tmp_path, {"a": torch.ones(4)}, pooling="mean")
    path.write_bytes(path.read_bytes()[:20])
    with (
        EmbeddingStore(tmp_path) as store,
        pytest.raises(UserError, match="delete .*safetensors to make it again"),
    ):
        store["a"]


def flip(path, count):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + count] = bytes(byte ^ 1 for byte in content[middle : middle + count])
    path.write_bytes(content)


def test_flipped_bytes_are_refused_in_states_and_in_vectors(tmp_path):
    path = write(tmp_path, {"a": torch.randn(500)}, pooling="mean")
    flip(path, 4)
    with (
        EmbeddingStore(tmp_path) as store,
        pytest.raises(UserError, match="holds other bytes than its index"),
    ):
        store["a"]
    with EmbeddingStore(tmp_path, verified=False) as store:
        assert store["a"].shape == (500,)
    index = tmp_path / f"{path.stem}.parquet"
    stored = pq.ParquetFile(index).metadata.row_group(0)
    vector = next(
        c for c in map(stored.column, range(stored.num_columns)) if c.path_in_schema.startswith("vector")
    )
    content = bytearray(index.read_bytes())
    start = vector.dictionary_page_offset or vector.data_page_offset
    content[start + vector.total_compressed_size // 2] ^= 1
    index.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        EmbeddingStore(tmp_path)
    with pytest.raises(UserError, match="is not a file of pooled embeddings"):
        read("encoder", [index])
