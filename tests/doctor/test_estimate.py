"""What the doctor says that jobs will take lies within a factor of two of what they took at 3B.

Measured on two processors, with AVX-512 BF16 and with AMX, one thread a job, bf16, random weights of the
published sizes.
"""

from __future__ import annotations

import json

import pytest
import yaml

from earmark.config.settings import Settings
from earmark.core.places import ROOT
from earmark.doctor import estimate, processor
from earmark.doctor.jobs import Job

TEXT = {
    "hidden_size": 2048,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "intermediate_size": 11008,
    "vocab_size": 151936,
}
AUDIO = {"d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120}
CONFIG = {"model_type": "qwen2_5_omni", "thinker_config": {"text_config": TEXT, "audio_config": AUDIO}}


@pytest.fixture
def seconds(tmp_path, monkeypatch):
    """The estimate for a job of a model of 3B's sizes, of which only config.json is there."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "3b"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))

    def told(kind: str, clip_s: float, limit: int | None = None, **wildcards: str) -> float:
        test = {"clips_per_class": 1, "min_s": clip_s, "max_s": clip_s}
        source = {
            "kind": "synthetic_music",
            "genres": 4,
            "recording_s": 60,
            "question": "?",
            "splits": {"train": test, "test": test},
        }
        task = {"title": "x", "sample_limit": limit, "data": {"source": source}}
        models = {"big": {"kind": "omni", "path": str(folder), "dtype": "bfloat16"}}
        config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
        settings = Settings.load({**config, "models": models, "tasks": {"gtzan": task}}, ROOT)
        names = {"model": "big", "task": "gtzan", "split": "test", "of": "1"} | wildcards
        job = Job(kind, ("x",), f"benchmarks/{kind}/big/gtzan_{kind}.tsv", names)
        return estimate.of(settings, [job], gpu=False).seconds

    return told


VECTORS, TILES = frozenset({"avx512f", "avx512_bf16"}), frozenset({"avx512f", "avx512_bf16", "amx_bf16"})

# What the processor has, kind, seconds of a clip, clips asked of the four, ratios, and the seconds it took.
MEASURED = [
    (VECTORS, "features", 60, None, (), 105),
    (VECTORS, "answer", 60, 1, ("0.7",), 72),
    (VECTORS, "answer", 52.5, 2, ("0.7",), 121),
    (VECTORS, "features", 52.5, 2, (), 60),
    (TILES, "features", 52.5, 2, (), 18),
    (TILES, "answer", 52.5, 2, ("1.0", "0.5"), 74),
]


@pytest.mark.parametrize(("has", "kind", "clip_s", "limit", "ratios", "took"), MEASURED)
def test_a_job_at_3b_takes_what_is_said_within_a_factor_of_two(
    seconds, monkeypatch, has, kind, clip_s, limit, ratios, took
):
    monkeypatch.setattr(processor, "flags", lambda: has)
    cells = [{"ratio": ratio, "method": "dart"} for ratio in ratios] or [{}]
    said = sum(seconds(kind, clip_s, limit, **cell) for cell in cells)
    assert took / 2 <= said <= took * 2


def test_bfloat16_that_is_only_emulated_is_told_and_counted_as_slow(seconds, monkeypatch):
    monkeypatch.setattr(processor, "flags", lambda: VECTORS)
    fast = seconds("features", 60)
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx2"}))
    assert seconds("features", 60) > 5 * fast
    models = {"big": {"kind": "omni", "path": "3b", "dtype": "bfloat16"}}
    models["small"] = models["big"] | {"dtype": "float32"}
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    settings = Settings.load({**config, "models": models}, ROOT)
    (found,) = processor.checks(settings, ["big", "small"])
    assert found.found.startswith("big computes in bfloat16")
    assert "float32" in found.fix


def test_a_limit_of_samples_is_what_is_counted(seconds):
    every, one = seconds("features", 60), seconds("features", 60, 1)
    assert one < every / 2
