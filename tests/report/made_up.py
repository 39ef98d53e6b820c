"""Made-up results, clearly so: schema-valid files whose numbers come from a random generator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earmark.core.records import Clip, Part
from earmark.data import shards

GENRES = ("blues", "classical", "jazz", "rock")


def _stage(seconds: float, n: int) -> dict[str, Any]:
    ends = {"low_s": 0.98 * seconds, "high_s": 1.02 * seconds}
    return {"median_s": seconds, **ends, "p95_s": seconds * 1.3, "total_s": seconds * n, "n": n}


def _metric(value: float | None, n: int, interval: str = "score") -> dict[str, Any]:
    low, high = (None, None) if value is None else (max(0.0, value - 0.1), min(1.0, value + 0.1))
    return {"value": value, "low": low, "high": high, "n": n, "interval": interval}


_BY = {
    "earmark": "0.0.0-test",
    "git": {"commit": "f" * 40, "dirty": True},
    "python": "3.11",
    "platform": "Linux x86_64",
    "packages": {"torch": "0-test", "numpy": "0-test"},
}


def provenance() -> dict[str, Any]:
    return {
        "code": "c0de" * 4,
        **_BY,
        "config": {},
        "model": {"id": "made up for a test", "digest": "d1"},
        "data": {"source": "made up for a test", "manifest": "d2", "licences": ["none"]},
    }


def fake_result(
    path: Path,
    method: str = "base",
    ratio: float | None = 1.0,
    *,
    accuracy: float = 0.8,
    task: str = "genres",
    model: str = "test-model",
    reducer: str | None = None,
    layer: int = 0,
    note: str | None = None,
    labels: Sequence[str] = ("demo", "synthetic"),
    classes: Sequence[str] = GENRES,
    n: int = 40,
    failed: int = 0,
    device: str = "cpu",
    answer: str = "(A) made up",
    seed: int = 0,
) -> Path:
    """Write one result and its samples; ``failed`` samples come first."""
    rng = np.random.default_rng([seed, *f"{task}{model}{method}{ratio}".encode()])
    rows: list[dict[str, Any]] = []
    for i in range(n):
        truth, scored = classes[i % len(classes)], i >= failed
        right = bool(rng.random() < accuracy) if scored else None
        predicted = (truth if right else classes[(i + 1) % len(classes)]) if scored else None
        rows.append(
            {
                "clip_id": f"clip{i:04d}",
                "status": "scored" if scored else "failed",
                "reason": None if scored else "made up failure",
                "group": "",
                "truth": truth,
                "truth_letter": "ABCD"[classes.index(truth) % 4],
                "options": list(classes),
                "answer": [answer],
                "predicted": predicted,
                "predicted_letter": "ABCD"[classes.index(predicted) % 4] if predicted else None,
                "correct": right,
                "parsed": True if scored else None,
                "errors": None,
                "duration_s": 30.0,
                "truncated": False,
                "windows": 1,
                "tokens_before": 750,
                "tokens_after": round(750 * (ratio or 0.1)),
                "tokens_generated": 3,
                "batch_rows": 4,
                "seconds": {"select": 0.01, "prefill": 0.2, "decode": 0.1},
            }
        )
    scored_rows = [row for row in rows if row["status"] == "scored"]
    correct = sum(row["correct"] for row in scored_rows)
    value = correct / len(scored_rows)
    keep = ratio or 0.1
    per_class = []
    for name in classes:
        mine = [row["correct"] for row in scored_rows if row["truth"] == name]
        per_class.append(
            {
                "class": name,
                "n": len(mine),
                "accuracy": _metric(sum(mine) / len(mine) if mine else None, len(mine), "wilson"),
                "precision": None,
                "f1": value,
            }
        )
    record = {
        "schema": "earmark/result/3",
        "system": "pruned-evaluation",
        "labels": list(labels),
        "asked": {
            "task": task,
            "title": f"Test data: {task}",
            "model": model,
            "method": method,
            "reducer": reducer or method.split("-")[0],
            "options": {},
            "keep_ratio": ratio,
            "keep_tokens": None if ratio else 75,
            "layer": layer,
            "reference": False,
            "prompt": "Which genre is this? (made up for a test)",
            "system_prompt": None,
            "profile": "default",
            "parser": "letter",
            "metric": "classes",
            "normaliser": "plain",
            "max_new_tokens": 4,
            "long_audio": "error",
            "max_audio_s": 300,
            "sample_limit": None,
            "seed": seed,
            "chance": 1 / len(classes),
        },
        "reduction": {
            "layer": layer,
            "note": note,
            "keep_ratio_requested": ratio,
            "keep_ratio_effective": round(750 * keep) / 750,
            "tokens_before": {"mean": 750, "min": 750, "max": 750},
            "tokens_after": {
                "mean": 750 * keep,
                "min": round(750 * keep),
                "max": round(750 * keep),
            },
        },
        "counts": {
            "total": n,
            "scored": len(scored_rows),
            "correct": correct,
            "unparsed": 0,
            "failed": failed,
            "truncated": 0,
            "windowed": 0,
            "skipped": 0,
        },
        "headline": "accuracy",
        "metrics": {
            "accuracy": _metric(value, len(scored_rows), "wilson"),
            "f1_macro": _metric(value, len(scored_rows)),
            "f1_weighted": _metric(value, len(scored_rows)),
            "f1_macro_letters": _metric(None, 0),
        },
        "per_class": per_class,
        "per_group": [],
        "failures": [{"reason": "made up failure", "n": failed, "first": "clip0000"}] if failed else [],
        "timing": {
            "device": device,
            "dtype": "float32",
            "attention": "sdpa",
            "threads": 2,
            "warm_up": 1,
            "batch_rows_max": 4,
            "batches_halved": 0,
            "stages": {
                "load": _stage(0.02, n),
                "mel": _stage(0.05, n),
                "encode": _stage(0.6, n),
                "select": None if method == "base" else _stage(0.01, n),
                "prefill": _stage(0.1 + 0.4 * keep, n),
                "decode": _stage(0.12, n),
            },
            "per_clip": _stage(0.05 + 0.6 + 0.1 + 0.4 * keep + 0.12, n),
            "real_time_factor": 0.04,
            "peak_memory_bytes": 2**30,
            "cells_in_pass": 1,
        },
        "provenance": provenance() | {"cell": "0" * 16, "scoring": {"code": "5c02e" * 3, **_BY}},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def fake_transcripts(path: Path, method: str = "base", ratio: float = 1.0, wer: float = 0.1) -> Path:
    """Write a result of a transcription task and its samples."""
    fake_result(path, method, ratio, task="reading")
    record, beside = json.loads(path.read_text()), path.with_suffix(".jsonl")
    rng = np.random.default_rng(round(1000 * wer))
    rows = [json.loads(line) for line in beside.read_text().splitlines()]
    for row in rows:
        deleted = int(rng.binomial(20, wer))
        counted = {"length": 20, "substitutions": 0, "deletions": deleted, "insertions": 0}
        row |= {"options": [], "truth_letter": None, "predicted_letter": None, "group": "speaker=1"}
        row |= {"errors": counted, "correct": deleted == 0}
    errors = sum(row["errors"]["deletions"] for row in rows)
    record["asked"] |= {"metric": "wer", "parser": "transcript", "chance": None}
    record["counts"]["correct"] = sum(row["correct"] for row in rows)
    record["headline"] = "wer"
    record["metrics"] = {"wer": _metric(errors / (20 * len(rows)), len(rows))}
    score = _metric(errors / (20 * len(rows)), len(rows))
    group = {"facet": "speaker", "group": "1", "n": len(rows), "metric": "wer", "score": score}
    record |= {"per_class": [], "per_group": [group]}
    path.write_text(json.dumps(record))
    beside.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def fake_timing(path: Path, methods: Sequence[str], ratios: Sequence[float], layer: int = 0) -> Path:
    """Write a timing file."""
    points = []
    for m, method in enumerate(methods):
        for ratio in ratios:
            speed = 1 / (0.25 + 0.05 * m + 0.75 * ratio)
            points.append(
                {
                    "method": method,
                    "keep_ratio": ratio,
                    "layer": layer + 2 * method.endswith("-l2"),
                    "tokens_after": round(750 * ratio),
                    "prefill_s": 1 / speed,
                    "base_s": 1.0,
                    "select_s": 0.004,
                    "speedup": speed,
                    "speedup_low": speed * 0.94,
                    "speedup_high": speed * 1.06,
                    "flop_speedup": 1 / (0.1 + 0.9 * ratio),
                }
            )
    record = {
        "schema": "earmark/timing/1",
        "labels": ["demo"],
        "model": "test-model",
        "parameters": 1_000_000,
        "audio_s": 30.0,
        "audio_tokens": 750,
        "prompt_tokens": 40,
        "layer": layer,
        "repeats": 9,
        "device": "cpu",
        "dtype": "float32",
        "attention": "sdpa",
        "threads": 2,
        "points": points,
        "provenance": provenance(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    return path


def fake_shard(data: Path, task: str, clips: int) -> Path:
    """Pack clips whose pitch tells their number: 200 Hz and 20 more for each; returns ``data``."""
    folder, rate = data / task / "shards", 16000
    sounds = data / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    made = []
    for i in range(clips):
        path = sounds / f"{i}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + 20 * i) * np.arange(3 * rate) / rate), rate)
        parts = [Part(str(path), 0.0, 3.0)]
        made.append(Clip(f"clip{i:04d}", [f"s{i}"], parts, 3.0, rate, 1, "test", ["a"], key=f"k{i:03d}"))
    folder.mkdir(parents=True, exist_ok=True)
    name = "test-00000-of-00001"
    shards.write(lambda: iter(made), folder / f"{name}.tar", folder / f"{name}.parquet", shards.Form(rate))
    return data


def _written(path: Path, record: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    return path


def fake_separation(
    path: Path, router: str, sdri: float, apart: float | None = None, p_value: float = 0.5, half: float = 0.4
) -> Path:
    """Write what a router's separation gained: its difference to the base, and how likely that is by luck."""

    def decibels(value: float) -> dict[str, Any]:
        return {"value": value, "low": value - half, "high": value + half, "n": 30, "interval": "student"}

    asked = {"task": "pairs", "model": "small", "router": router, "adapter": "lora", "seed": 0}
    gain = {} if apart is None else {**decibels(apart), "interval": "paired", "p_value": p_value}
    record = {
        "schema": "earmark/separation/1",
        "labels": ["demo"],
        "asked": asked | {"title": "Test data: pairs"},
        "upper_bound": router == "oracle",
        "remarks": ["made up for a test"],
        "aggregation": "mean",
        "domains": [{"name": "one", "classes": ["bell"]}],
        "counts": {"total": 30, "scored": 30, "failed": 0},
        "headline": "sdri",
        "metrics": {name: decibels(sdri) for name in ("sdri", "si_sdri", "sdr", "si_sdr", "mixture_sdr")},
        "per_class": [{"class": name, "sdri": decibels(sdri)} for name in ("bell", "dog")],
        "to_base": {"sdri": gain, "si_sdri": gain} if gain else {},
        "regret": decibels(0.3),
        "usage": {"base": 20, "one": 10},
        "failures": [],
        "provenance": provenance(),
    }
    return _written(path, record)


def fake_encoder(folder: Path, encoder: str, scores: dict[str, float], half: float = 0.05) -> list[Path]:
    """Write an encoder's scores on data sets, and the table with their mean."""

    def score(value: float, n: int) -> dict[str, Any]:
        return {"value": value, "low": value - half, "high": value + half, "n": n, "interval": "score"}

    heard = {"suite": "small", "decoder": "listener", "compat": "none", "steps": 10, "training_seed": 0}
    shared = {"labels": ["demo"], "failures": [], "not_computed": {}, "provenance": provenance()}
    training = {
        "steps": 10,
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "loss": 1.0,
        "curve": [[1, 2.0, 0.1], [10, 1.0, 0.5]],
    }
    made = []
    for name, value in scores.items():
        asked = {
            "task": name,
            "model": encoder,
            "metric": "Accuracy",
            "metric_args": {},
            "weight": 1,
            "seed": 0,
        }
        counts = {
            "total": 50,
            "scored": 50,
            "failed": 0,
            "truncated": 0,
            "references": 50,
            "dropped_texts": 0,
        }
        clock = {"device": "cpu", "dtype": "float32", "threads": 1, "stages": {}, "training": training}
        record = {
            "schema": "earmark/encoder_score/1",
            "asked": asked | heard,
            "counts": counts,
            "headline": "accuracy",
            "metrics": {"accuracy": score(value, 50)},
            "timing": clock,
        }
        made.append(_written(folder / encoder / "small" / f"{name}.json", record | shared))
    sets = [
        {"dataset": name, "metric": "accuracy", "weight": 1, **score(value, 50)}
        for name, value in scores.items()
    ]
    table = {
        "schema": "earmark/encoder_table/1",
        "asked": {"task": "small", "model": encoder, "seed": 0} | heard,
        "counts": {"total": len(sets), "scored": len(sets), "failed": 0},
        "headline": "mean_score",
        "metrics": {"mean_score": score(sum(scores.values()) / len(scores), len(scores))},
        "data_sets": sets,
    }
    return [*made, _written(folder / encoder / "small" / "scores.json", table | shared)]


def fake_grid(folder: Path) -> list[Path]:
    """A base and two methods at two ratios, one of them also at a deeper layer."""
    made = [fake_result(folder / "genres_base_1.0.json", failed=2)]
    for method, layer in (("random", 0), ("dart", 0), ("dart-l2", 2)):
        for ratio in (0.5, 0.1):
            path = folder / f"genres_{method}_{ratio}.json"
            made.append(fake_result(path, method, ratio, accuracy=0.4 + ratio / 2, layer=layer))
    return made


def fake_times(folder: Path) -> Path:
    """The prefill times of its methods."""
    return fake_timing(folder / "timing.json", ["random", "dart", "dart-l2"], [0.5, 0.1])
