"""Hand-made predictions, students and speeds: what a result is made from."""

from __future__ import annotations

from typing import Any

import numpy as np

from earmark.systems.tagging.asked import ResultJob
from earmark.systems.tagging.predictions import Counts, Merging, Predictions, Record, Row
from earmark.systems.tagging.result import Inputs
from earmark.systems.tagging.result_inputs import Trained

CLASSES = ("bell", "rain", "siren", "wind")


def side(median_s: float, speedup: float = 1.0) -> dict[str, Any]:
    return {
        "median_s": median_s,
        "p95_s": 1.2 * median_s,
        "clips_per_s": 8 / median_s,
        "speedup": speedup,
        "speedup_low": 0.95 * speedup,
        "speedup_high": 1.05 * speedup,
        "macs": 1_000_000,
        "peak_memory_bytes": 50_000_000,
    }


def speed(speedup: float = 1.0) -> dict[str, Any]:
    return {
        "record": "made for a test",
        "device": "cpu (test)",
        "dtype": "float32",
        "threads": 1,
        "feature_s": 0.002,
        "batches": [
            {
                "batch": batch,
                "unmerged": side(0.1),
                "merged": side(0.1 / speedup, speedup),
                "strides_16": side(0.05, 2.0),
            }
            for batch in (1, 8)
        ],
    }


def predictions(
    fold: str = "all",
    seed: int = 0,
    *,
    n: int = 40,
    failed: int = 0,
    single: bool = False,
    skill: float = 1.5,
    merged: tuple[int, ...] = (8, 8, 8),
    asked: tuple[int, ...] | None = None,
) -> Predictions:
    """A run's, of clips whose labels depend on the fold alone."""
    rng = np.random.default_rng([len(fold), *fold.encode()])
    truth = rng.random((n, len(CLASSES))) < 0.3
    if single:
        truth = np.eye(len(CLASSES), dtype=bool)[rng.integers(0, len(CLASSES), n)]
    rng = np.random.default_rng([seed, *fold.encode(), 1])
    logits = (rng.standard_normal(truth.shape) + skill * truth).astype(np.float32)
    rows = []
    for i in range(n):
        bad = i >= n - failed
        rows.append(
            Row(
                clip_id=f"{fold}-{i}",
                labels=[name for name, is_so in zip(CLASSES, truth[i], strict=True) if is_so],
                status="failed" if bad else "ok",
                reason="no audio (gone, 404)" if bad else "",
                cut=i < 3,
            )
        )
        if bad:
            logits[i] = np.nan
    tokens = [100]
    for count in merged:
        tokens.append(tokens[-1] - count)
    wanted = list(asked or merged)
    clamped = [i for i, (w, m) in enumerate(zip(wanted, merged, strict=True)) if m < w]
    record = Record(
        task="sounds",
        fold=fold,
        train_seed=seed,
        r="8",
        clips=Counts(tested=n, considered=n),
        merging=Merging(
            proportional=True,
            asked=wanted,
            merged=list(merged),
            tokens=tokens,
            clamped_layers=clamped,
            warning="r8: fewer tokens than asked" if clamped else None,
        ),
        student="d1g357",
        data={"features": {}, "classes": "c1a55", "statistics": {"mean": 0.0, "std": 1.0}},
        batch=16,
        device="cpu (test)",
        threads=1,
        code="c0de",
        provenance={},
    )
    return Predictions(rows, logits, record)


def inputs(made: list[Predictions], *, loss: str = "bce", speedup: float = 1.5) -> Inputs:
    student = Trained(loss=loss, epoch=3, clamped_layers=[], validation=0.5, provenance={"made": "by a test"})
    return Inputs(made, [student] * len(made), speed(speedup), CLASSES)


def settings(
    kind: str = "multi_label",
    *,
    recipe: str = "plain",
    r: str = "8",
    folds: list[str] | None = None,
    seeds: tuple[int, ...] = (0,),
    teachers: bool = False,
    baseline: str | None = None,
    strides: tuple[int, int] = (10, 10),
    student: str = "small",
    resamples: int = 200,
) -> ResultJob:
    asked = {
        "task": {"name": "sounds", "title": "Sounds", "kind": kind, "frames": 128, "folds": folds},
        "recipe": {
            "name": recipe,
            "title": f"Recipe {recipe}",
            "student": student,
            "teachers": ["cnn"] if teachers else [],
            "lambda": 0.1 if teachers else 1,
            "tau": 1,
            "unlabelled_by_teacher": "refuse",
            "proportional": True,
            "train_r": "0",
            "seeds": list(seeds),
            "baseline": baseline,
            "training": {"epochs": 3},
        },
        "student": {
            "title": "Small",
            "labels": ["demo"],
            "sizes": {"hidden": 8},
            "strides": list(strides),
            "init": {"from": "random"},
        },
        "teachers": {"cnn": "A CNN"} if teachers else {},
        "train_r": "0",
        "r": r,
        "schedules": {},
        "run": {"seed": 0, "resamples": resamples, "max_failed_share": 0.2, "labels": ["demo"]},
    }
    return ResultJob.read(asked, "settings")
