"""Pooled embeddings, read from Parquet: one vector per clip and layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from earmark.core.errors import UserError
from earmark.core.records import NOT_PARQUET

SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("split", pa.string()),
        ("label", pa.string()),
        ("source_id", pa.list_(pa.string())),
        ("layer", pa.string()),
        ("pooling", pa.string()),
        ("vector", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True)
class Vectors:
    """The clips of one layer, sorted by clip: ``values`` [clips, width] and what is known of each.

    ``left_out`` counts the clips that have no label or, failed, no vector.
    """

    layer: str
    clip_ids: list[str]
    splits: list[str]
    labels: list[str]
    sources: list[tuple[str, ...]]
    values: NDArray[np.float64]
    left_out: dict[str, int]


def position(layer: str) -> tuple[int, int, str]:
    """Return where a layer stands in the network: encoder.0, …, encoder, projector, lm.0, …."""
    name, _, index = layer.partition(".")
    stage = {"encoder": 0 if index else 1, "projector": 2, "lm": 3}.get(name, 4)
    return stage, int(index) if re.fullmatch("[0-9]+", index) else 0, layer


def by_layer(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files of each layer, in the order of the network.

    Raises:
        UserError: a file is missing, is no embeddings file, or holds a state per frame.

    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        heads = _table(path, ["layer", "pooling"])
        layers, poolings = (set(heads[name].to_pylist()) for name in ("layer", "pooling"))
        if "none" in poolings:
            raise UserError(
                f"{path} holds a state per frame; a probe needs one vector per clip: set pooling to "
                "mean, last or masked_mean"
            )
        if len(layers) > 1 or len(poolings) > 1:
            raise UserError(f"{path} mixes layers or poolings; delete it to make it again")
        for layer in layers:  # none in an empty file
            found.setdefault(layer, []).append(path)
    if not found:
        raise UserError("there are no embeddings in these files; were their shards empty?")
    return {layer: found[layer] for layer in sorted(found, key=position)}


def read(layer: str, paths: Sequence[Path]) -> Vectors:
    """Read the vectors of one layer; clips without a vector or a label are counted and left out.

    Raises:
        UserError: a file is no embeddings file, a clip is there twice, vectors differ in length or
            hold a value that is not a number.

    """
    table = pa.concat_tables([_table(path, SCHEMA.names) for path in paths]).sort_by("clip_id")
    made = table.filter(pc.greater(pc.fill_null(pc.list_value_length(table["vector"]), 0), 0))
    labels: list[str] = [label or "" for label in made["label"].to_pylist()]
    kept = [i for i, label in enumerate(labels) if label]
    left_out = {"failed": len(table) - len(made), "unlabelled": len(made) - len(kept)}
    if not kept:
        raise UserError(
            f"{layer}: no clip has a vector and a label ({left_out['failed']} failed, "
            f"{left_out['unlabelled']} have no label), so there is nothing to probe"
        )
    table = made.take(pa.array(kept, pa.int64()))
    clip_ids: list[str] = table["clip_id"].to_pylist()
    if len(set(clip_ids)) < len(clip_ids):
        again = next(a for a, b in zip(clip_ids, clip_ids[1:]) if a == b)
        raise UserError(f"{layer}: clip '{again}' has more than one vector; give every file once")
    column = table["vector"].combine_chunks()
    widths = set(column.value_lengths().to_pylist())
    if len(widths) > 1:
        raise UserError(f"{layer}: vectors differ in length; delete the layer's files to make them again")
    values = np.asarray(column.flatten(), np.float64).reshape(len(clip_ids), -1)
    broken = np.flatnonzero(~np.isfinite(values).all(1))
    if broken.size:
        raise UserError(f"{layer}: the vector of clip '{clip_ids[broken[0]]}' is not finite; try float32")
    return Vectors(
        layer,
        clip_ids,
        table["split"].to_pylist(),
        [labels[i] for i in kept],
        [tuple(each or (clip,)) for each, clip in zip(table["source_id"].to_pylist(), clip_ids)],
        values,
        left_out,
    )


def _table(path: Path, columns: Sequence[str]) -> pa.Table:
    """Read columns of a Parquet file."""
    wanted = pa.schema([SCHEMA.field(name) for name in columns])
    try:
        table = pq.read_table(path, columns=list(columns), page_checksum_verification=True)
        return table.select(list(columns)).cast(wanted)
    except (*NOT_PARQUET, OSError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not a file of pooled embeddings ({reason})") from None
