"""Embeddings and captions as targets: read back by clip id, made in one pass, refused before any job."""

from __future__ import annotations

import copy
import json
import re
import shutil

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from workflow import SMALL

from earmark.config.schema import schema
from earmark.systems.embeddings.store import EmbeddingStore

BLOCK = {"tasks": ["gtzan"], "layers": ["encoder", "encoder.1", "lm.2"], "pooling": "none", "span": "all"}


def configure(flow, **more):
    config = copy.deepcopy(SMALL) | {"embeddings": [BLOCK]} | more
    flow.configure(config)
    shutil.rmtree(flow.folder / "embeddings", ignore_errors=True)  # the complete run may have made some


def test_one_job_gives_all_layers_and_they_are_read_by_clip_id(copied):
    configure(copied)
    encoder = "embeddings/demo/gtzan/encoder/_states/test-00000-of-00001.safetensors"
    lm = "embeddings/demo/gtzan/lm.2/_states/test-00000-of-00001.safetensors"
    done = copied.run("-j1", encoder, lm)
    assert len(re.findall(r": embedding: (\d+) of \1 clips in ", done.stdout)) == 1
    assert "12 clips, 3 layers, about" in done.stdout and "on disk" in done.stdout
    # From here on the three lines of the docs.
    with EmbeddingStore(copied.folder / "embeddings/demo/gtzan/encoder", "test") as store:
        clip = next(iter(store))
        states = store[clip]
        assert len(store) == 12 and states.shape == tuple(store.row(clip)["shape"])
        assert store.row(clip)["norm"] == "encoder" and store.row(clip)["frames_per_second"] == 25
        assert len(states) == int(store.row(clip)["duration_s"] * 25 + 1e-6)
    with EmbeddingStore(copied.folder / "embeddings/demo/gtzan/lm.2") as store:
        kinds = [segment["kind"] for segment in store.row(clip)["segments"]]
        assert kinds == ["text", "audio", "text"] and store.row(clip)["norm"] == "none"
    assert copied.would_make(encoder, lm) == set()


def test_pooled_vectors_and_captions(copied):
    configure(
        copied,
        embeddings=[BLOCK | {"layers": ["encoder"], "pooling": "mean", "span": "audio"}],
        caption={"max_new_tokens": 3, "generation_states": True, "temperature": 0.8},
    )
    probe = "results/embeddings/demo/gtzan.json"
    copied.run("-j1", "embeddings", "caption/demo/gtzan.jsonl", probe, "results/report.html")
    record = json.loads((copied.folder / probe).read_text())
    jsonschema.validate(record, schema("probe"))
    assert [layer["layer"] for layer in record["layers"]] == ["encoder"]
    assert "What a linear probe reads off each layer" in (copied.folder / "results/report.html").read_text()
    folder = copied.folder / "embeddings/demo/gtzan/encoder"
    table = pq.read_table(folder / "train-00000-of-00001.parquet")
    assert np.asarray(table["vector"].to_pylist()).shape == (12, 64)
    assert set(table["split"].to_pylist()) == {"train"}
    lines = (copied.folder / "caption/demo/gtzan.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 12 and all(row["status"] == "described" for row in rows)
    assert rows[0]["labels"] == ["demo"] and rows[0]["prompt"].endswith("Describe the music:")
    first = copied.folder / "caption/demo/gtzan.safetensors"
    assert first.stat().st_size > 12 * 5 * 128 * 4
    copied.run("-j1", "caption/demo/gtzan.jsonl", "--forcerun", "caption")
    assert (copied.folder / "caption/demo/gtzan.jsonl").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("embeddings/dmeo/gtzan/encoder/x", "error: unknown model 'dmeo'; did you mean 'demo'?"),
        ("embeddings/demo/gtzn/encoder/x", "error: unknown task 'gtzn'; did you mean 'gtzan'?"),
        ("embeddings/demo/gtzan/encodr/x", "error: unknown layer 'encodr'; did you mean 'encoder'?"),
        ("embeddings/demo/gtzan/lm.3/x", "error: embeddings/demo/gtzan/lm.3/x: layer 'lm.3' is not"),
        ("caption/dmeo/gtzan.jsonl", "error: unknown model 'dmeo'; did you mean 'demo'?"),
    ],
)
def test_an_impossible_target_is_one_line_before_any_job(copied, target, message):
    configure(copied)
    done = copied.run("-n", target, check=False)
    lines = [line for line in done.stdout.splitlines() if "error" in line.lower()]
    assert done.returncode != 0 and len(lines) == 1 and lines[0].startswith(message), done.stdout


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"layers": ["lm.5"]}, "layer 'lm.5': model 'demo' has 4 layers there; did you mean 'lm.4'?"),
        ({"layers": ["encoder"], "span": "text"}, "span: text leaves nothing of it"),
        ({"tasks": ["gtzan", "gtzan"]}, "stand in two blocks"),
        ({"model": "dmeo"}, "unknown model 'dmeo'; did you mean 'demo'?"),
        ({"poling": "mean"}, "unknown key 'embeddings.0.poling'; did you mean 'pooling'?"),
    ],
)
def test_a_wrong_block_is_one_line(copied, block, message):
    configure(copied, embeddings=[BLOCK | block])
    done = copied.run("-n", check=False)
    assert done.returncode != 0 and message in done.stdout and "Traceback" not in done.stdout, done.stdout


def test_too_much_disk_is_refused_before_anything_is_written(copied):
    configure(copied, embeddings=[BLOCK | {"budget_gb": 0.0001}])
    target = "embeddings/demo/gtzan/encoder/_states/test-00000-of-00001.safetensors"
    done = copied.run("-j1", target, check=False)
    assert done.returncode != 0 and "budget_gb allows 0.0001 GB; cheaper: pooling: mean" in done.stdout
    assert not list((copied.folder / "embeddings").rglob("*.safetensors"))
