"""One probe job: the pooled embeddings of a dataset, layer by layer, to one record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from earmark.config.values import Split as Part
from earmark.core import provenance
from earmark.core.checksums import folded, metadata, of_indexes
from earmark.core.errors import UserError
from earmark.core.files import Json, sha256
from earmark.core.progress import tqdm
from earmark.systems.embeddings.probe.asked import Probe
from earmark.systems.embeddings.probe.linear import Split, probe, split
from earmark.systems.embeddings.probe.mapping import mapped
from earmark.systems.embeddings.probe.read import Vectors, by_layer, read
from earmark.systems.embeddings.probe.record import Layer, Probed


def shard_files(paths: Sequence[Path], shards: Mapping[Part, int] | None) -> list[Path]:
    """Return the files behind paths, each a file or the folder of a layer.

    Of a folder they are ``shards``, a number per split: what an earlier configuration left there is not
    read. Without ``shards`` they are all.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            found.add(path)
        elif shards is None:
            found.update(path.glob("*.parquet"))
        else:
            names = (f"{s}-{i:05d}-of-{of:05d}.parquet" for s, of in shards.items() for i in range(of))
            found.update(path / name for name in names)
    return sorted(found)


def run(settings: Probe, given: Sequence[Path], code: str, again: str = "") -> Probed:
    """Return the record of a probe.

    ``given`` are files, or the folders of layers (see :func:`shard_files`).

    Raises:
        UserError: the embeddings can't be read, are per frame, or can't be split by source.

    """
    if settings.pooling == "none":
        raise UserError(
            f"the embeddings of {settings.model}/{settings.dataset} are per frame; a probe needs one "
            "vector per clip: set pooling to mean, last or masked_mean"
        )
    paths = shard_files(given, settings.shards)
    layers: list[Layer] = []
    seed = settings.seed
    first: Vectors | None = None
    parts: Split | None = None
    best: Vectors | None = None
    best_accuracy = -1.0
    for layer, files in tqdm(by_layer(paths).items(), desc="probing", unit="layer"):
        vectors = read(layer, files)
        if first is None or parts is None:
            first, parts = vectors, split(vectors, seed)
        elif vectors.clip_ids != first.clip_ids:
            raise UserError(
                f"{layer} and {first.layer} are not of the same clips; delete the layer's files of "
                f"{settings.model}/{settings.dataset} that are out of date"
            )
        layers.append(probe(vectors, parts, seed))
        accuracy = layers[-1]["accuracy"]["value"]
        if accuracy is not None and accuracy > best_accuracy:
            best, best_accuracy = vectors, accuracy
    assert best is not None and first is not None and parts is not None
    return {
        "schema": "earmark/probe/1",
        "labels": settings.labels,
        "model": settings.model,
        "dataset": settings.dataset,
        "pooling": settings.pooling,
        "span": settings.span,
        "seed": settings.seed,
        "split": parts.kind,
        "classes": sorted(set(first.labels)),
        "left_out": first.left_out,
        "layers": layers,
        "map": mapped(best, settings.map_points, seed),
        "provenance": provenance.repeatable(
            provenance.record(code)
            | {
                "config": settings.plain(),
                "model": _model(metadata(paths[0])),
                "data": of_indexes(paths),
                "embeddings": folded(sha256(path) for path in paths)[:16],
            },
            again,
        ),
    }


def _model(said: Mapping[str, str]) -> Json:
    """Return which model made the vectors, as far as their index says."""
    found: Json = {"digest": said["model_digest"]} if "model_digest" in said else {}
    return found | ({"origin": json.loads(said["model_origin"])} if "model_origin" in said else {})
