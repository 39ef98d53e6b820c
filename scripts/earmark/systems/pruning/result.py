"""From answers to the per-sample rows and the result record (config/schemas/result.schema.json)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema

from earmark.config.schema import schema
from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.timing import spread
from earmark.models.features import FeatureRow
from earmark.scoring import catalogue
from earmark.scoring.contract import AnswerMetric
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.plan import Sample
from earmark.systems.pruning.runner import Answer


def sample_row(
    sample: Sample, answers: Sequence[Answer | str], judge: Callable[[Sample, list[str]], dict[str, Any]]
) -> dict[str, Any]:
    """Return the row of an answered sample; ``judge`` says what the texts of its windows amount to.

    A window without an answer fails the sample, since the rest isn't the whole clip.
    """
    given = [answer for answer in answers if isinstance(answer, Answer)]
    if len(given) < len(answers):
        return failed_row(sample, next(a for a in answers if isinstance(a, str)))
    texts = [answer.text for answer in given]
    return _blank(sample) | {
        **judge(sample, texts),
        "status": "scored",
        "answer": texts,
        "tokens_before": sum(answer.tokens_before for answer in given),
        "tokens_after": sum(answer.tokens_after for answer in given),
        "tokens_generated": sum(answer.tokens_generated for answer in given),
        "cache_bytes": max(answer.cache_bytes for answer in given),
        "batch_rows": max(answer.batch_rows for answer in given),
        "seconds": {
            stage: sum(answer.seconds[stage] for answer in given) for stage in ("select", "prefill", "decode")
        },
    }


def failed_row(sample: Sample, reason: str) -> dict[str, Any]:
    """Return the row of a sample that gave no answer: neither right nor wrong."""
    return _blank(sample) | {"status": "failed", "reason": reason}


def _blank(sample: Sample) -> dict[str, Any]:
    """Return what is known of a sample before it is answered."""
    return {
        "clip_id": sample.clip_id,
        "status": "failed",
        "reason": None,
        "group": sample.group,
        "truth": sample.label,
        "truth_letter": sample.question.letter,
        "options": list(sample.question.options),
        "answer": [],
        "predicted": None,
        "predicted_letter": None,
        "correct": None,
        "parsed": None,
        "errors": None,
        "duration_s": sample.duration_s,
        "truncated": sample.truncated,
        "windows": len(sample.windows),
        "tokens_before": None,
        "tokens_after": None,
        "tokens_generated": None,
        "cache_bytes": None,
        "batch_rows": None,
        "seconds": None,
    }


def check_budget(rows: Sequence[dict[str, Any]], max_failed_share: float, output: Path) -> None:
    """Stop if more samples failed than allowed, or none was left to score.

    Raises:
        UserError: names the most frequent reason.

    """
    failed = [row for row in rows if row["status"] == "failed"]
    if failed and (len(failed) == len(rows) or len(failed) > max_failed_share * len(rows)):
        reason, count = Counter(row["reason"] for row in failed).most_common(1)[0]
        raise UserError(
            f"{output}: {len(failed)} of {len(rows)} samples failed ({count} of them: {reason}); "
            f"evaluate.max_failed_share allows {max_failed_share:g}. Finished samples are kept"
        )


def record(
    cell: Cell,
    rows: Sequence[dict[str, Any]],
    features: Sequence[FeatureRow],
    skipped: int,
    timing: dict[str, Any],
    origin: dict[str, Any],
    lowest_layer: int,
    metric: AnswerMetric,
) -> dict[str, Any]:
    """Return the result record of a cell, checked against its schema."""
    scored = [row for row in rows if row["status"] == "scored"]
    tables = metric.tables(scored, cell.task, cell.run["bootstrap"], cell.run["seed"])
    content = {
        "schema": "earmark/result/2",
        "system": "pruned-evaluation",
        "labels": cell.run["labels"],
        "asked": _asked(cell, rows),
        "reduction": _reduction(cell, scored, lowest_layer),
        "counts": {
            "total": len(rows) + skipped,
            "scored": len(scored),
            "correct": sum(row["correct"] for row in scored),
            "unparsed": sum(not row["parsed"] for row in scored),
            "failed": len(rows) - len(scored),
            "truncated": sum(row["truncated"] for row in scored),
            "windowed": sum(row["windows"] > 1 for row in scored),
            "skipped": skipped,
        },
        **tables,
        "failures": _failures(rows),
        "timing": timing | _times(scored, features),
        "provenance": provenance.record(cell.code)
        | {"config": {"task": cell.task, "model": cell.model, "method": cell.method, "run": cell.run}}
        | {"upstream": cell.upstream}
        | origin,
    }
    jsonschema.validate(content, schema("result"))
    return content


def _asked(cell: Cell, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what was asked for."""
    shown = [len(row["options"]) for row in rows if row["options"]]
    return {
        "task": cell.task["name"],
        "title": cell.task["title"],
        "model": cell.model["name"],
        "method": cell.method["name"],
        "reducer": cell.method["reducer"],
        "kind": cell.method["kind"],
        "options": cell.method["options"],
        "keep_ratio": cell.method["keep_ratio"],
        "keep_tokens": cell.method["keep_tokens"],
        "layer": cell.method["layer"],
        "reference": cell.method["reference"],
        "prompt": cell.task["prompt"]["template"],
        "system_prompt": cell.task["prompt"]["system"],
        **{name: cell.task[name] for name in ("profile", "parser", "metric", "normaliser")},
        "max_new_tokens": cell.task["max_new_tokens"],
        "long_audio": cell.task["long_audio"],
        "max_audio_s": cell.model["max_audio_s"],
        "sample_limit": cell.task["sample_limit"],
        "balanced": cell.task["balanced"],
        "seed": cell.run["seed"],
        "chance": sum(1 / n for n in shown) / len(shown) if shown else None,
    }


def _reduction(cell: Cell, scored: Sequence[dict[str, Any]], lowest_layer: int) -> dict[str, Any]:
    """Return what was really kept."""
    before = [row["tokens_before"] for row in scored]
    after = [row["tokens_after"] for row in scored]
    layer = max(cell.method["layer"], lowest_layer)
    note = None
    if cell.method["kind"] == "cache":
        note = "compresses the cache behind each layer's prefill: saves memory and decoding, no prefill"
    elif layer != cell.method["layer"]:
        note = f"{cell.method['reducer']} needs layer {lowest_layer} or later: ran before layer {layer}"
    return {
        "layer": layer,
        "note": note,
        "keep_ratio_requested": cell.method["keep_ratio"],
        "keep_ratio_effective": sum(after) / sum(before) if before else None,
        "tokens_before": _token_spread(before),
        "tokens_after": _token_spread(after),
        "cache_bytes": _token_spread([row["cache_bytes"] for row in scored]),
    }


def _token_spread(tokens: Sequence[int]) -> dict[str, Any] | None:
    if not tokens:
        return None
    return {"mean": sum(tokens) / len(tokens), "min": min(tokens), "max": max(tokens)}


def _failures(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the reasons of failed samples with counts, most frequent first."""
    first: dict[str, str] = {}
    for row in rows:
        if row["status"] == "failed":
            first.setdefault(row["reason"], row["clip_id"])
    counts = Counter(row["reason"] for row in rows if row["status"] == "failed")
    return [{"reason": r, "n": n, "first": first[r]} for r, n in counts.most_common()]


def _times(scored: Sequence[dict[str, Any]], features: Sequence[FeatureRow]) -> dict[str, Any]:
    """Return the stage times per sample and the real-time factor over all scored samples."""
    answered = {row["clip_id"] for row in scored}
    used = [row for row in features if row.clip.clip_id in answered]
    seconds = {
        "load": [row.load_s for row in used],
        "mel": [row.mel_s for row in used],
        "encode": [row.encode_s for row in used],
        **{stage: [row["seconds"][stage] for row in scored] for stage in ("select", "prefill", "decode")},
    }
    audio = sum(row["duration_s"] for row in scored)
    # Selection happens inside prefill, so it isn't added again.
    work = sum(sum(seconds[stage]) for stage in ("mel", "encode", "prefill", "decode"))
    return {
        "stages": {stage: spread(values) for stage, values in seconds.items()},
        "real_time_factor": work / audio if audio else None,
    }


def one_line(content: dict[str, Any]) -> str:
    """Return the result in one line for the terminal."""
    name = catalogue.of_answers(content["asked"]["metric"]).measures[0].name
    found, counts = content["metrics"][name], content["counts"]
    ends = "" if found["low"] is None else f"[{found['low']:.3f}, {found['high']:.3f}] "
    return (
        f"{name} {found['value']:.3f} {ends}"
        f"on {counts['scored']} samples ({counts['failed']} failed, {counts['unparsed']} unparsed), "
        f"{content['reduction']['keep_ratio_effective']:.3f} of the audio tokens kept"
    )
