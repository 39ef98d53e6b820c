"""Records of linear probes as rows of the summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.core.files import Json
from earmark.systems.contract import Row


def probe(path: Path, record: Json) -> Iterator[Row]:
    """Yield accuracy and F1 of the linear probe of each layer."""
    for layer in record["layers"]:
        shared = {
            "task": record["dataset"],
            "model": record["model"],
            "probed_layer": layer["layer"],
            **{name: record[name] for name in ("pooling", "span", "seed")},
            "total": layer["n_test"] + sum(record["left_out"].values()),
            "scored": layer["n_test"],
            "failed": record["left_out"].get("failed"),
            "skipped": record["left_out"].get("unlabelled"),
        }
        yield {**shared, "metric": "accuracy", **layer["accuracy"]}
        yield {**shared, "metric": "f1_macro", "value": layer["f1_macro"], "n": layer["n_test"]}
