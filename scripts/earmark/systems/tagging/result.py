"""From the predictions of every fold and seed to the result record and its per-clip rows.

The record's fields: tagging_result.schema.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, log_softmax

from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import reason_code
from earmark.scoring import record as envelope
from earmark.scoring import tagging
from earmark.scoring.record import Failure
from earmark.scoring.tagging import Run
from earmark.systems.tagging.asked import ResultJob
from earmark.systems.tagging.predictions import Predictions, Row
from earmark.systems.tagging.result_inputs import Trained

CE = "ce"


@dataclass(frozen=True)
class Inputs:
    """What a result is made from: predictions and what is said of the students behind them, run by run.

    ``speed`` is what the result shows of the student's speed record.
    """

    predictions: Sequence[Predictions]
    students: Sequence[Trained]
    speed: Json
    classes: Sequence[str]

    @property
    def loss(self) -> str:
        """What the students were trained with; the same for every seed and fold of a recipe."""
        return self.students[0].loss


def scores(found: Predictions, loss: str) -> NDArray[np.float64]:
    """Return what clips are ranked by, [scored clips, classes]: logits, of cross-entropy their log-softmax.

    A student of cross-entropy is free to shift all logits of a clip alike, which means nothing and must not
    order clips.
    """
    logits = found.logits[found.scored].astype(np.float64)
    return np.asarray(log_softmax(logits, axis=1)) if loss == CE else logits


def targets(found: Predictions, classes: Sequence[str]) -> NDArray[np.bool_]:
    """Return what is right, [scored clips, classes]; raises UserError for a label that is no class."""
    place = {name: i for i, name in enumerate(classes)}
    hot = np.zeros((len(found.scored), len(classes)), np.bool_)
    for i, row in enumerate(found.scored):
        for label in found.rows[row].labels:
            if label not in place:
                clip = found.rows[row].clip_id
                raise UserError(
                    f"clip '{clip}' has the label '{label}', which is no class; delete the predictions"
                )
            hot[i, place[label]] = True
    return hot


def clip_rows(inputs: Inputs) -> Iterator[Json]:
    """Yield a row per run and clip: what was right, the best class, and the probabilities of both."""
    loss = inputs.loss
    for found in inputs.predictions:
        made = scores(found, loss)
        sure = np.exp(made) if loss == CE else expit(made)
        hot, best = targets(found, inputs.classes), made.argmax(1)
        place = {row: i for i, row in enumerate(found.scored)}
        for number, row in enumerate(found.rows):
            each = {
                "clip_id": row.clip_id,
                "fold": found.record.fold,
                "seed": found.record.train_seed,
                "status": "scored" if row.ok else "failed",
                "reason": row.reason or None,
                "cut": row.cut,
                "labels": row.labels,
                "best": None,
                "hit": None,
                "probability": None,
                "label_probabilities": None,
            }
            if (i := place.get(number)) is not None:
                each["best"], each["hit"] = inputs.classes[best[i]], bool(hot[i, best[i]])
                each["probability"] = round(float(sure[i, best[i]]), 6)
                known = {name: sure[i, c] for c, name in enumerate(inputs.classes) if hot[i, c]}
                each["label_probabilities"] = [round(float(known[name]), 6) for name in row.labels]
            yield each


def record(
    asked: ResultJob, inputs: Inputs, code: str, name: str, again: str = ""
) -> tuple[Json, pd.DataFrame]:
    """Return the result record, checked against its schema, and each metric's value in every resample.

    ``name`` is the result's file, for messages; ``again`` what makes it again, for the record (see
    :func:`earmark.core.provenance.repeatable`).

    Raises:
        UserError: more clips failed than allowed, none is left, or the runs don't belong together.

    """
    kind, run = asked.task.kind, asked.run
    failed = check_budget(inputs.predictions, run.max_failed_share, name)
    runs = [
        Run(
            found.record.fold,
            found.record.train_seed,
            [found.rows[i].clip_id for i in found.scored],
            scores(found, inputs.loss),
            targets(found, inputs.classes),
        )
        for found in inputs.predictions
    ]
    found = tagging.score(runs, inputs.classes, kind, run.resamples, run.seed)
    pairs = zip(found.per_run, inputs.predictions, inputs.students, strict=True)
    content = {
        "schema": "earmark/tagging-result/2",
        "system": "audio-tagging",
        "labels": run.labels,
        "asked": _asked(asked, inputs),
        "tokens": _tokens(inputs),
        "counts": _counts(inputs.predictions),
        "headline": tagging.headline(kind),
        "metrics": found.metrics,
        "chance": _chance(runs, kind, inputs.classes),
        "per_class": found.per_class,
        "per_run": [
            row
            | {
                "failed": len(p.rows) - len(p.scored),
                "epoch": student.epoch,
                "validation": student.validation,
            }
            for row, p, student in pairs
        ],
        "failures": envelope.failures(failed),
        "speed": inputs.speed,
        "pairing": {
            "clips": tagging.clips_digest(runs),
            "resamples": f"{name.rpartition('/')[2].removesuffix('.json')}.resamples.parquet",
        },
        "provenance": provenance.repeatable(provenance.record(code) | _origin(asked, inputs), again),
    }
    return envelope.checked(content, "tagging_result"), pd.DataFrame(found.resampled)


def check_budget(found: Sequence[Predictions], max_failed_share: float, name: str) -> list[Failure]:
    """Return the clips that failed, in all runs.

    Raises:
        UserError: more than allowed, all of a run, or a run has none to score.

    """
    key = "evaluate.max_failed_share and the task's data.max_failed_share allow"
    runs = [(each.record, _failed(each), len(each.rows)) for each in found]
    for made, failed, total in runs:
        if not total:
            raise UserError(f"{name}: run {made.run} has no test clip to score")
        # A share of all runs may fail, but not a whole run.
        envelope.check_budget(failed, total, 1.0, name, what="predictions", key=key)
    everything = [failure for _, failed, _ in runs for failure in failed]
    total = sum(total for _, _, total in runs)
    envelope.check_budget(everything, total, max_failed_share, name, what="predictions", key=key)
    return everything


def _failed(found: Predictions) -> list[Failure]:
    """Return the clips of a run that have no logits."""
    return [Failure(row.clip_id, reason_code(row.reason)) for row in found.rows if not row.ok]


def _asked(asked: ResultJob, inputs: Inputs) -> Json:
    """Return what was asked for."""
    task, recipe = asked.task, asked.recipe
    return {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        "classes": len(inputs.classes),
        "frames": task.frames,
        "recipe": recipe.name,
        "recipe_title": recipe.title,
        "student": recipe.student,
        **asked.student.chosen("sizes", "strides", "init"),
        "teachers": asked.teachers,
        **recipe.chosen("lambda", "tau", "proportional"),
        "r": asked.r,
        "train_r": asked.train_r,
        "baseline": recipe.baseline,
        "folds": task.folds,
        **recipe.chosen("seeds", "training"),
        "scores": "log_softmax" if inputs.loss == CE else "logits",
        **asked.run.chosen("seed", "resamples"),
    }


def _tokens(inputs: Inputs) -> Json:
    """Return what merging came to; the same for every run, since all have one grid of tokens."""
    merging = inputs.predictions[0].record.merging
    clamped = {layer for student in inputs.students for layer in student.clamped_layers}
    return {
        "asked": merging.asked,
        "merged": merging.merged,
        "tokens": merging.tokens,
        "clamped_layers": merging.clamped_layers,
        "clamped_while_training": sorted(clamped),
        "warning": merging.warning,
    }


def _counts(found: Sequence[Predictions]) -> dict[str, int]:
    """Return the counts of test clips, each once however many seeds tested on it."""
    clips: dict[tuple[str, str], list[Row]] = {}
    considered = {}
    for each in found:
        fold = each.record.fold
        considered[fold] = each.record.clips.considered
        for row in each.rows:
            clips.setdefault((fold, row.clip_id), []).append(row)
    scored = [rows for rows in clips.values() if all(row.ok for row in rows)]
    return {
        "total": len(clips),
        "scored": len(scored),
        "failed": len(clips) - len(scored),
        "cut": sum(rows[0].cut for rows in scored),
        "unlabelled": sum(not rows[0].labels for rows in scored),
        "skipped": max(considered.values()) - len(clips),
    }


def _chance(runs: Sequence[Run], kind: str, classes: Sequence[str]) -> float | None:
    """Return the headline metric of scores at random."""
    if kind == tagging.SINGLE:
        return 1 / len(classes)
    positives = np.sum([run.targets.sum(0) for run in runs], 0)
    clips = sum(len(run.targets) for run in runs)
    present = positives[positives > 0]
    return float(present.mean() / clips) if len(present) else None


def _origin(asked: ResultJob, inputs: Inputs) -> Json:
    """Return what the numbers stem from: settings, and each run's student, predictions and training."""
    runs = {}
    for found, student in zip(inputs.predictions, inputs.students, strict=True):
        made = found.record
        runs[made.run] = {
            "predictions": {
                "student": made.student,
                "data": made.data,
                "device": made.device,
                "threads": made.threads,
                "code": made.code,
            },
            "student": student.provenance,
        }
    return {"config": asked.plain(), "runs": runs}


def one_line(content: Json) -> str:
    """Return the result in one line for the terminal."""
    tokens, clamped = content["tokens"]["tokens"], len(content["tokens"]["clamped_layers"])
    more = [f"{tokens[0]} tokens to {tokens[-1]}", *([f"{clamped} layers clamped"] if clamped else [])]
    return envelope.one_line(content, content["headline"], *more)
