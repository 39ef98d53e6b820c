"""A composed model is embedded and describes as any other: its layers are its parts'."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from earmark.config.projector import Projector
from earmark.core.files import write_json
from earmark.core.records import Clip
from earmark.models import composed as code
from earmark.models.families import family
from earmark.models.features import FeatureRow, write_index
from earmark.systems.embeddings import caption
from earmark.systems.embeddings.asked import CaptionJob
from earmark.systems.embeddings.extract import Extractor
from earmark.systems.embeddings.layers import Plan, parse

PROJECTOR = Projector(stack=2, hidden=8)
PROMPT = "<|AUDIO|>What is heard?"
LAYERS = ["encoder.1", "encoder", "projector", "lm.0", "lm.1", "lm.3"]


def extractor(composed, names, span="audio") -> Extractor:
    layers = [parse(name) for name in names]
    plan = Plan.of(layers, code.depth(composed))
    encoder = code.Encoder(composed, "cpu", "float32", plan.encoder_layers, plan.project)
    decoder = code.Decoder(composed, "cpu", "float32", "sdpa", layers=plan.lm_layers, head=False)
    return Extractor(
        encoder,
        decoder,
        plan,
        layers,
        pooling="none",
        span=span,
        batch_tokens=10_000,
        prompt=PROMPT,
        system=None,
        audio=family("composed").hears(PROJECTOR),
        overlap_s=2.0,
        dtype=torch.float32,
    )


def wave(seconds: float, seed: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * 16_000))).astype(np.float32)


def test_every_layer_is_that_of_its_part(composed):
    samples = wave(3.0, 0)
    (found,) = extractor(composed, LAYERS).batch([samples])
    states = {name: found[name].states for name in LAYERS}
    assert [len(states[name]) for name in LAYERS] == [150, 75, 75, 75, 75, 75]
    heard = code.Encoder(composed, "cpu", "float32")
    decoder = code.Decoder(composed, "cpu", "float32", "sdpa")
    (tokens,) = heard.encode([heard.mel(samples)])
    ids = torch.tensor([decoder.raw_ids(PROMPT, len(tokens))])
    hidden = decoder.hidden(
        decoder.embed(ids, [tokens]), torch.ones_like(ids), torch.arange(ids.shape[1])[None], [0, 1, 3]
    )
    audio = (ids == decoder.audio_id)[0]
    torch.testing.assert_close(states["projector"], tokens)
    for number, layer in hidden.items():
        torch.testing.assert_close(states[f"lm.{number}"], layer[0, audio], atol=2e-5, rtol=0)


def test_a_clip_is_embedded_alone_as_in_a_batch(composed):
    waves = [wave(3.0, 0), wave(1.1, 1), wave(2.2, 2)]
    together = extractor(composed, LAYERS).batch(waves)
    for own, samples in zip(together, waves, strict=True):
        (alone,) = extractor(composed, LAYERS).batch([samples])
        for name in LAYERS:
            torch.testing.assert_close(own[name].states, alone[name].states, atol=3e-5, rtol=0)


@pytest.fixture
def job(tmp_path, composed):
    """Describe three clips of which the last is too long for the model."""
    lengths = {"a": 40, "b": 31, "long": 160}
    save_file({key: torch.randn(n, 32) for key, n in lengths.items()}, tmp_path / "f.safetensors")
    rows = [
        FeatureRow(Clip(key, ["s"], [], n / 50, 16_000, 1, "test", ["a"], key=key), n, 0, 0, 0)
        for key, n in lengths.items()
    ]
    write_index(tmp_path / "f.parquet", rows, {})
    record = tmp_path / "checkpoint.json"
    write_json(record, {**composed.content, "folder": str(composed.folder)})
    chosen = {
        "model": {"name": "m", "kind": "composed", "labels": [], "max_audio_s": 2, "projector": PROJECTOR}
        | {"dtype": "float32", "attention": "sdpa"},
        "task": {"name": "t", "long_audio": "error"},
        "caption": {"prompt": PROMPT, "system": None, "sample_limit": None, "max_new_tokens": 3}
        | {"temperature": 0.0, "top_p": 1.0, "batch_audio_s": 2, "generation_states": True},
        "seed": 0,
        "device": "cpu",
    }
    output = tmp_path / "out.jsonl"
    caption.run(
        CaptionJob.read(chosen, "settings"),
        [tmp_path / "f.safetensors"],
        [tmp_path / "f.parquet"],
        record,
        output,
        tmp_path / "w",
        "c",
        1,
    )
    return output


def test_a_composed_model_describes_what_it_hears(job):
    rows = [json.loads(line) for line in job.read_text().splitlines()]
    assert {row["clip_id"]: row["status"] for row in rows} == {
        "a": "described", "b": "described", "long": "failed",
    }  # fmt: skip
    assert set(load_file(job.with_suffix(".safetensors"))) == {"a", "b"}
