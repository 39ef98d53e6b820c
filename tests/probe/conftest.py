"""Made-up vectors: labels that are clusters, sources that shift all clips of one recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earmark.systems.embeddings.probe.read import Vectors

Maker = Callable[..., Vectors]


def make_vectors(
    layer: str = "encoder",
    *,
    sources: int = 24,
    per_source: int = 5,
    classes: int = 4,
    width: int = 6,
    signal: float = 1.0,
    test_share: float = 0.25,
    seed: int = 0,
) -> Vectors:
    """Return clips whose vectors tell the label by ``signal`` and the source as much."""
    rng = np.random.default_rng(seed)
    centres, shifts = rng.normal(size=(classes, width)), rng.normal(size=(sources, width))
    source = np.repeat(np.arange(sources), per_source)
    label = source % classes
    noise = rng.normal(size=(len(source), width))
    tested = int(sources * test_share)
    return Vectors(
        layer,
        [f"clip{i:04d}" for i in range(len(source))],
        ["test" if s < tested else "train" for s in source],
        [f"class{k}" for k in label],
        [(f"recording{s}",) for s in source],
        signal * (centres[label] + 0.5 * shifts[source]) + noise,
        {"failed": 0, "unlabelled": 0},
    )


def write_vectors(folder: Path, vectors: Vectors, pooling: str = "mean", **changed: Any) -> list[Path]:
    """Write vectors as the embedding rules do: a file per split."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in sorted(set(vectors.splits)):
        rows = [
            {
                "clip_id": clip,
                "split": name,
                "label": label,
                "source_id": list(source),
                "layer": vectors.layer,
                "pooling": pooling,
                "vector": vector.tolist(),
            }
            | changed
            for clip, split, label, source, vector in zip(
                vectors.clip_ids, vectors.splits, vectors.labels, vectors.sources, vectors.values
            )
            if split == name
        ]
        paths.append(folder / f"{name}-00000-of-00001.parquet")
        pq.write_table(pa.Table.from_pylist(rows), paths[-1])
    return paths


@pytest.fixture
def vectors() -> Maker:
    return make_vectors


@pytest.fixture
def written() -> Callable[..., list[Path]]:
    return write_vectors


@pytest.fixture
def embeddings(tmp_path: Path) -> Sequence[Path]:
    """Three layers, out of order, the middle one of the network the clearest."""
    layers = {"lm.10": 0.6, "encoder": 2.0, "lm.2": 1.0}
    return [
        path
        for layer, signal in layers.items()
        for path in write_vectors(tmp_path / "embeddings" / layer, make_vectors(layer, signal=signal))
    ]


@pytest.fixture
def settings() -> dict[str, Any]:
    return {
        "model": "test-model",
        "dataset": "test-data",
        "labels": ["demo", "synthetic"],
        "pooling": "mean",
        "span": "audio",
        "seed": 0,
        "map_points": 60,
    }
