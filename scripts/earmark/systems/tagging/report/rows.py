"""Records of audio tagging as rows of the summary: results, and the speeds of students."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.systems.contract import Record, Row
from earmark.systems.tagging.timed import BASELINE, MERGED, UNMERGED


def quality(path: Path, record: Record) -> Iterator[Row]:
    """Yield a row per metric, over all classes and for each."""
    asked, counts = record["asked"], record["counts"]
    shared = {
        "task": asked["task"],
        "model": asked["student"],
        "classes_are": asked["kind"],
        **{name: asked[name] for name in ("recipe", "r", "train_r", "seed")},
        **{name: counts[name] for name in ("total", "scored", "failed", "skipped")},
        "truncated": counts["cut"],
        "note": record["tokens"]["warning"],
    }
    for name, found in record["metrics"].items():
        spread = found["seeds"]
        seeds = {"seeds": spread["n"], **{f"seed_{key}": spread[key] for key in ("min", "max", "sd")}}
        yield {**shared, "metric": name, **{k: v for k, v in found.items() if k != "seeds"}, **seeds}
    for row in record["per_class"]:
        for name, long in (("ap", "average_precision"), ("auc", "auc")):
            yield {**shared, "metric": f"{long}/{row['class']}", **row[name]}


def speed(path: Path, record: Record) -> Iterator[Row]:
    """Yield what was measured of each side of a speed record."""
    for entry in record["batches"]:
        for side in (UNMERGED, MERGED, BASELINE):
            found = entry[side]
            shared = {
                "task": record["task"],
                "model": record["student"],
                "side": side,
                "r": record["r"] if side == MERGED else "0",
                "peak_memory_bytes": found["peak_memory_bytes"],
                **{name: record[name] for name in ("threads", "device", "dtype", "attention")},
            }
            batch = f"batch {entry['batch']}"
            ends = {"low": found["speedup_low"], "high": found["speedup_high"]}
            rounds = {"interval": "range of rounds", "n": record["repeats"]}
            yield {**shared, "metric": f"speedup, {batch}", "value": found["speedup"], **ends, **rounds}
            yield {**shared, "metric": f"clips_per_s, {batch}", "value": found["clips_per_s"]}
            yield {**shared, "metric": "macs", "value": found["macs"]}
