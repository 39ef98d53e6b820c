"""What the doctor says that jobs will take lies within a factor of two of what they took at 3B.

Measured on two cores with AVX-512 BF16, one thread a job, bf16, random weights of the published sizes.
"""

from __future__ import annotations

import json

import pytest
import yaml

from earmark.config.settings import Settings
from earmark.core.places import ROOT
from earmark.doctor import estimate
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


# Kind, seconds of a clip, clips asked of the four, ratio, and the CPU seconds it took.
MEASURED = [
    ("features", 60, None, None, 105),
    ("answer", 60, 1, "0.7", 72),
    ("answer", 52.5, 2, "0.7", 121),
    ("features", 52.5, 2, None, 60),
]


@pytest.mark.parametrize(("kind", "clip_s", "limit", "ratio", "took"), MEASURED)
def test_a_job_at_3b_takes_what_is_said_within_a_factor_of_two(seconds, kind, clip_s, limit, ratio, took):
    said = seconds(kind, clip_s, limit, **({"ratio": ratio, "method": "dart"} if ratio else {}))
    assert took / 2 <= said <= took * 2


def test_a_limit_of_samples_is_what_is_counted(seconds):
    every, one = seconds("features", 60), seconds("features", 60, 1)
    assert one < every / 2
