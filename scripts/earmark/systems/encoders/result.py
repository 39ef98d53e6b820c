"""The result of an encoder on one data set, from the answers that were given; seconds, and no model."""

from __future__ import annotations

from pathlib import Path

from earmark.core import provenance
from earmark.core.files import Json
from earmark.scoring import error_rate
from earmark.scoring import record as envelope
from earmark.scoring.spread import spread
from earmark.systems.encoders import answer, measures
from earmark.systems.encoders.answer import Answer
from earmark.systems.encoders.asked import ScoreJob
from earmark.systems.encoders.measures import Item, Scores

SCHEMA = "encoder_score"
XARES = "xares"


def run(asked: ScoreJob, answers: Path, output: Path, code: str, again: str = "") -> None:
    """Write the record of a result and its rows.

    Raises:
        UserError: the answers are damaged, or fewer classes are averaged over than there are labels.

    """
    made, rows, failed = answer.read(answers)
    items = [Item(row.id, row.answer, row.references, row.likelihoods) for row in rows]
    if asked.compat == XARES:
        items = measures.each_reference(items)
    found = measures.scores(
        asked.metric,
        items,
        asked.metric_args,
        hard=asked.compat == XARES,
        resamples=asked.bootstrap,
        seed=asked.seed,
    )
    record = _record(asked, made, rows, failed, found, code, again)
    rows_out = [_row(item, found, number) for number, item in enumerate(items)]
    envelope.write(envelope.checked(record, SCHEMA), output, rows_out)
    print(envelope.one_line(record, record["headline"], *_missing(found)), flush=True)


def _record(
    asked: ScoreJob,
    made: Json,
    rows: list[Answer],
    failed: list[envelope.Failure],
    found: Scores,
    code: str,
    again: str,
) -> Json:
    said = {
        "task": asked.dataset,
        "model": asked.encoder,
        **asked.chosen("suite", "decoder", "compat", "metric", "metric_args", "weight", "seed"),
        "steps": asked.training.max_steps,
        "training_seed": asked.training.seed,
    }
    counts = {
        "total": made["counts"]["total"],
        "scored": len(rows),
        "failed": len(failed),
        "truncated": sum(not row.ended for row in rows),
        "references": sum(len(row.references) for row in rows),
        "dropped_texts": made["counts"]["dropped_texts"],
    }
    return {
        "schema": "earmark/encoder_score/1",
        "labels": asked.labels,
        "asked": said,
        "counts": counts,
        "headline": found.headline,
        "metrics": found.metrics,
        "not_computed": found.missing,
        **({"resamples": found.resamples} if found.resamples else {}),
        "failures": envelope.failures(failed),
        "timing": {
            "training": made["training"],
            "device": made["device"],
            "dtype": "float32",
            "threads": made["threads"],
            "stages": {"decode": spread([row.seconds for row in rows])},
        },
        "provenance": provenance.repeatable(
            {
                **provenance.record(code),
                "answers_sha256": answer.digest(rows),
                "checkpoint": made["checkpoint"],
                "encoders": made["encoders"],
                "shards": made["shards"],
                "config": asked.plain(),
            },
            again,
        ),
    }


def _row(item: Item, found: Scores, number: int) -> Json:
    """Return a row beside the record: what was said of a clip, and what the headline makes of it."""
    point = found.points[number] if found.points else None
    counted = found.counts[number] if found.counts else None
    return {
        "id": item.id,
        "reference": item.reference,
        "answer": item.answer,
        "references": list(item.references),
        "point": point,
        "mistakes": None if counted is None else error_rate.mistakes(counted),
        "length": None if counted is None else counted["length"],
    }


def _missing(found: Scores) -> list[str]:
    return [f"{name}: not computed, {why}" for name, why in found.missing.items()]
