"""The rows of the summary that one result file gives, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from earmark.report import tagging_rows
from earmark.report.columns import COUNTS, OURS, PROBE, STAGES, TIMING

Row = dict[str, Any]
Record = Mapping[str, Any]


def of(kind: str, record: Record) -> list[Row]:
    """Return a file's rows, without the path and what only other files tell."""
    return [{"source": OURS, **made(record), **row} for row in KINDS[kind](record)]


def made(record: Record) -> Row:
    """Return what produced a record: versions, the code's digest and its commit."""
    origin = record["provenance"]
    git = origin.get("git") or {}
    commit = f"{git['commit']}{'-dirty' if git.get('dirty') else ''}" if "commit" in git else None
    return {"version": origin.get("earmark"), "code": origin.get("code"), "commit": commit}


def evaluation(record: Record) -> Iterator[Row]:
    """Yield the rows of any record with ``asked``, ``counts``, ``metrics`` and ``timing``.

    That is pruned evaluation, and every other system whose records have these parts: what a part lacks
    stays empty.
    """
    asked, reduction, clock = record["asked"], record.get("reduction", {}), record.get("timing", {})
    stages = clock.get("stages", {})
    shared = {
        "system": record["system"],
        "labels": ",".join(sorted(record["labels"])),
        **{name: asked.get(name) for name in ("task", "profile", "model", "reducer", "kind")},
        "method": asked.get("method") or asked.get("recipe"),
        **{name: asked.get(name) for name in ("keep_ratio", "keep_tokens", "seed")},
        "r": None if asked.get("r") is None else str(asked["r"]),
        "keep_ratio_effective": reduction.get("keep_ratio_effective"),
        "layer": reduction.get("layer"),
        "note": reduction.get("note"),
        **{name: record.get("counts", {}).get(name) for name in COUNTS},
        **{f"{stage}_s": (stages.get(stage) or {}).get("median_s") for stage in STAGES},
        **{name: clock.get(name) for name in ("real_time_factor", "peak_memory_bytes", "threads")},
        **{name: clock.get(name) for name in ("device", "dtype", "attention")},
        **made(record),
    }
    for name, metric in record["metrics"].items():
        yield {**shared, "metric": name, **metric}
    for row in record.get("per_class", []):
        for name in ("accuracy", "precision", "f1", "average_precision"):
            found = row.get(name)
            if isinstance(found, Mapping):
                yield {**shared, "metric": f"{name}/{row['class']}", **found}
            elif name in row:
                yield {**shared, "metric": f"{name}/{row['class']}", "value": found, "n": row["n"]}
    for row in record.get("per_group", []):
        yield {**shared, "metric": f"{row['metric']}@{row['facet']}={row['group']}", **row["score"]}


def timing(record: Record) -> Iterator[Row]:
    """Yield the measured speed-up and the FLOP line of each point of a timing file."""
    for point in record["points"]:
        shared = {
            "system": TIMING,
            "labels": ",".join(sorted(record["labels"])),
            "model": record["model"],
            **{name: point[name] for name in ("method", "keep_ratio", "layer", "select_s", "prefill_s")},
            "keep_ratio_effective": point["tokens_after"] / record["audio_tokens"],
            **{name: record[name] for name in ("threads", "device", "dtype", "attention")},
            **made(record),
        }
        speed = {
            key: point[f"speedup{end}"] for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
        repeats = {"interval": "range of repeats", "n": record["repeats"]}
        yield {**shared, "metric": "prefill_speedup", **speed, **repeats}
        yield {**shared, "metric": "flop_speedup", "value": point["flop_speedup"]}


def probe(record: Record) -> Iterator[Row]:
    """Yield accuracy and F1 of the linear probe of each layer; ``method`` is the layer's name."""
    for layer in record["layers"]:
        shared = {
            "system": PROBE,
            "labels": ",".join(sorted(record["labels"])),
            "task": record["dataset"],
            "model": record["model"],
            "method": layer["layer"],
            "kind": f"{record['pooling']} over {record['span']}",
            "seed": record["seed"],
            "total": layer["n_test"] + sum(record["left_out"].values()),
            "scored": layer["n_test"],
            "failed": record["left_out"].get("failed"),
            "skipped": record["left_out"].get("unlabelled"),
            **made(record),
        }
        yield {**shared, "metric": "accuracy", **layer["accuracy"]}
        yield {**shared, "metric": "f1_macro", "value": layer["f1_macro"], "n": layer["n_test"]}


KINDS: dict[str, Callable[[Record], Iterator[Row]]] = {
    "result": evaluation,
    "tagging_result": tagging_rows.result,
    "tagging_speed": tagging_rows.speed,
    "timing": timing,
    "probe": probe,
}
"""What makes rows of each kind of file; a new kind of result adds its line here."""
