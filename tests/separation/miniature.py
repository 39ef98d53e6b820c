"""A miniature of everything: four kinds of made sounds, a tiny network, two domains, adapters and routers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

RATE = 32_000
KINDS = ("hum", "whistle", "hiss", "clicks")


def sound(kind: str, seed: int, seconds: float = 1.0) -> np.ndarray:
    """One recording of a kind; every seed gives another."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    time = np.arange(round(seconds * RATE)) / RATE
    if kind == "hum":
        made = sum(np.sin(2 * np.pi * rng.uniform(80, 120) * n * time) / n for n in (1, 2, 3))
    elif kind == "whistle":
        made = np.sin(2 * np.pi * rng.uniform(2000, 3000) * time + 3 * np.sin(2 * np.pi * 5 * time))
    elif kind == "hiss":
        made = np.diff(rng.standard_normal(len(time) + 1))
    else:
        made = np.zeros(len(time))
        made[:: int(rng.integers(2000, 3000))] = 8
        made = np.convolve(made, np.exp(-np.arange(200) / 30), "same") * rng.choice([-1, 1])
    return (0.2 * made / np.abs(made).max()).astype(np.float32)


def write(folder: Path, each: int = 4) -> Path:
    """Write the recordings as ESC-10 lies in its repository; returns the configuration's file."""
    labels = ("dog_bark", "rain", "sea_waves", "rooster")
    for kind, label in zip(KINDS, labels, strict=True):
        place = folder / "sounds" / label
        place.mkdir(parents=True)
        for number in range(each):
            for fold in (1, 2):
                path = place / f"{fold}-{1000 * fold + number}-A.wav"
                soundfile.write(path, sound(kind, 10 * fold + number), RATE)
    soundfile.write(
        folder / "mix.wav", np.stack([sound("hum", 5, 1.5)[:-1] + sound("hiss", 5, 1.5)[:-1]] * 2, 1), RATE
    )
    config = folder / "mini.yaml"
    config.write_text(yaml.safe_dump(content(folder), sort_keys=False))
    return config


def content(folder: Path) -> dict[str, Any]:
    """The configuration, on the recordings in a folder."""
    training = {
        "steps": 6,
        "batch_size": 4,
        "seconds": 0.5,
        "learning_rate": 3e-3,
        "loss": "both",
        "speed": 1.2,
        "validation_share": 0.25,
        "validation_mixtures": 4,
        "validate_every": 3,
    }
    source = {"kind": "esc50", "root": str(folder / "sounds"), "folds": {"train": ["1"], "test": ["2"]}}
    return {
        "default_model": "demo",
        "device": "cpu",
        "grid": [],
        "prefill": [],
        "tagging": {"grid": []},
        "evaluate": {"bootstrap": 200},
        "tasks": {"made": {"title": "Made sounds", "data": {"source": source, "sample_rate": RATE}}},
        "separators": {
            "mini": {
                "title": "miniature",
                "text": {"kind": "spelled", "size": 8},
                "sizes": {
                    "channels": [2, 4, 8],
                    "pools": [[1, 2], [2, 4], [2, 4]],
                    "patch": [2, 2],
                    "level": 0.1,
                    "compression": 0.3,
                },
                "train": {"task": "made", **training},
            }
        },
        "mixtures": {"made_pairs": {"title": "Made pairs", "layout": "drawn", "task": "made"}},
        "separation": {
            "separator": "mini",
            "task": "made",
            "sets": ["made_pairs"],
            "routers": ["base", "text", "score", "soft", "fallback", "oracle"],
            "partition": {"domains": 2, "encoder": "logmel", "candidates": [2, 3]},
            "adapter": {"kind": "lora"},
            "training": training,
            "excerpts": 2,
            "recordings": {"mix": str(folder / "mix.wav")},
        },
    }
