"""A made-up record of a linear probe, clearly so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def fake_probe(
    path: Path,
    layers: Sequence[str] = ("encoder.0", "encoder", "lm.0", "lm.10"),
    *,
    dataset: str = "genres",
    labels: Sequence[str] = ("demo", "synthetic"),
    classes: Sequence[str] = ("blues", "classical", "jazz", "rock"),
    clips: int = 40,
    sources: int = 40,
    method: str = "PCA and t-SNE",
    test_share: float = 0.25,
    failed: int = 0,
) -> Path:
    """Write the record of a linear probe."""
    rng = np.random.default_rng(len(layers))
    tested = round(test_share * clips)
    interval = "wilson" if sources < 10 else "score over sources"
    accuracy = {"value": 0.6, "low": 0.5, "high": 0.7, "n": tested, "interval": interval}
    record = {
        "schema": "earmark/probe/1",
        "labels": list(labels),
        "model": "test-model",
        "dataset": dataset,
        "pooling": "mean",
        "span": "audio",
        "seed": 0,
        "split": "grouped folds" if test_share == 1 else "split",
        "classes": sorted(classes),
        "left_out": {"failed": failed, "unlabelled": 0},
        "layers": [
            {
                "layer": layer,
                "width": 64,
                "accuracy": accuracy,
                "f1_macro": 0.55,
                "n_train": clips - tested,
                "n_test": tested,
                "test_sources": sources,
                "chance": 0.25,
                "C": [0.1],
            }
            for layer in layers
        ],
        "map": {
            "layer": layers[0],
            "method": method,
            "clips": clips,
            "points": [
                {
                    "clip_id": f"clip{i:04d}",
                    "x": round(float(rng.normal()), 3),
                    "y": round(float(rng.normal()), 3),
                    "label": classes[i % len(classes)],
                    "split": "test" if i < tested else "train",
                }
                for i in range(clips)
            ],
        },
        "provenance": {
            "earmark": "0.0.0-test",
            "code": "c0de",
            "git": None,
            "python": "3.11",
            "platform": "Linux",
            "packages": {"numpy": "0-test"},
            "embeddings": "d3",
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    return path
