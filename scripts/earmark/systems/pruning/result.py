"""From answers to the per-sample rows and the result record (result.schema.json).

Nothing here needs a model: a parser, a normaliser, a metric or an interval can change, and every result is
scored again from what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from earmark.config.asked import Scoring
from earmark.core import provenance
from earmark.core.files import Json
from earmark.scoring import record as envelope
from earmark.scoring.contract import AnswerMetric
from earmark.scoring.question import LETTERS, Question
from earmark.scoring.record import Failure
from earmark.scoring.spread import spread
from earmark.systems.pruning.answers import Answered, read
from earmark.systems.pruning.asked import Scored, Scores

Row = Json
Judge = Callable[[Answered], Row]
STAGES = ("load", "mel", "encode", "select", "prefill", "decode")
PASSES = ("select", "prefill", "decode")


def score(
    answers: Path,
    settings: Scores,
    metric: AnswerMetric,
    judge: Judge,
    output: Path,
    code: str,
    again: str = "",
) -> None:
    """Score the answers of one cell, write the result and its rows, and print it in a line.

    Args:
        answers: their record; their rows lie beside it.
        settings: how they are scored.
        metric: the task's.
        judge: says what an answered sample amounts to.
        output: the result to write.
        code: digest of the scoring code, for the record.
        again: what makes the result again, for the record; see :func:`earmark.core.provenance.repeatable`.

    Raises:
        UserError: damaged answers, or more failed samples than allowed.

    """
    made, found = read(answers)
    failed = [Failure(each.clip_id, each.reason) for each in found if each.reason is not None]
    allowed, key = settings.run.max_failed_share, "evaluate.max_failed_share allows"
    envelope.check_budget(failed, len(found), allowed, str(output), what="samples", key=key)
    rows = [row(each, {} if each.failed else judge(each)) for each in found]
    content = record(made, rows, found, settings, metric, failed, code, again)
    envelope.write(content, output, rows)
    kept = f"{content['reduction']['keep_ratio_effective']:.3f} of the audio tokens kept"
    print(envelope.one_line(content, content["headline"], kept), flush=True)


def judged_by(metric: AnswerMetric, parse: Callable[..., Any], task: Scoring) -> Judge:
    """Return what judges an answered sample by a metric and a parser."""

    def judge(each: Answered) -> Row:
        truth = each.options.index(each.truth) if each.options else None
        return metric.judge(each.answer, parse, Question("", tuple(each.options), truth), each.truth, task)

    return judge


def row(each: Answered, judged: Row) -> Row:
    """Return the row of a sample (sample.schema.json)."""
    seconds = each.seconds
    return {
        "clip_id": each.clip_id,
        "status": "failed" if each.failed else "scored",
        "reason": each.reason,
        "group": each.group,
        "truth": each.truth,
        "truth_letter": LETTERS[each.options.index(each.truth)] if each.options else None,
        "options": each.options,
        "answer": each.answer,
        "predicted": None,
        "predicted_letter": None,
        "correct": None,
        "parsed": None,
        "errors": None,
        "duration_s": each.duration_s,
        "truncated": each.truncated,
        "windows": each.windows,
        "tokens_before": each.tokens_before,
        "tokens_after": each.tokens_after,
        "tokens_merged": each.tokens_merged,
        "share_of_layers": each.share_of_layers,
        "tokens_generated": each.tokens_generated,
        "cache_bytes": each.cache_bytes,
        "batch_rows": each.batch_rows,
        "seconds": None if seconds is None else {stage: seconds[stage] for stage in PASSES},
        **judged,
    }


def record(
    made: Row,
    rows: Sequence[Row],
    answers: Sequence[Answered],
    settings: Scores,
    metric: AnswerMetric,
    failed: Sequence[Failure],
    code: str,
    again: str = "",
) -> Row:
    """Return the result record of a cell; ``made`` is the record of its answers."""
    scored = [each for each in rows if each["status"] == "scored"]
    task, run = settings.task, settings.run
    origin, skipped = made["provenance"], made["counts"]["skipped"]
    return envelope.checked(
        {
            "schema": "earmark/result/3",
            "system": made["system"],
            "labels": settings.labels,
            "asked": _asked(origin["config"], task, rows),
            "reduction": _reduction(origin["config"]["method"], scored, made),
            "counts": {
                "total": len(rows) + skipped,
                "scored": len(scored),
                "correct": sum(each["correct"] for each in scored),
                "unparsed": sum(not each["parsed"] for each in scored),
                "failed": len(rows) - len(scored),
                "truncated": sum(each["truncated"] for each in scored),
                "windowed": sum(each["windows"] > 1 for each in scored),
                "skipped": skipped,
            },
            "headline": metric.measures[0].name,
            **metric.tables(scored, task, run.bootstrap, run.seed),
            "failures": envelope.failures(failed),
            "timing": made["timing"] | _times([each for each in answers if not each.failed]),
            "provenance": provenance.repeatable(
                origin
                | {
                    "config": origin["config"] | {"scoring": settings.plain()},
                    "scoring": provenance.record(code),
                },
                again,
            ),
        },
        "result",
    )


def _asked(config: Row, scoring: Scored, rows: Sequence[Row]) -> Row:
    """Return what was asked for."""
    task, model, method = config["task"], config["model"], config["method"]
    shown = [len(each["options"]) for each in rows if each["options"]]
    named = ("reducer", "kind", "options", "keep_ratio", "keep_tokens", "layer", "reference")
    return {
        "task": task["name"],
        "title": scoring.title,
        "model": model["name"],
        "method": method["name"],
        **{name: method[name] for name in named},
        "prompt": task["prompt"]["template"],
        "system_prompt": task["prompt"]["system"],
        **scoring.chosen("profile", "parser", "metric", "normaliser"),
        **{name: task[name] for name in ("max_new_tokens", "long_audio", "sample_limit", "balanced")},
        "max_audio_s": model["max_audio_s"],
        "seed": config["run"]["seed"],
        "chance": sum(1 / n for n in shown) / len(shown) if shown else None,
    }


def _reduction(method: Row, scored: Sequence[Row], made: Row) -> Row:
    """Return what was really kept; ``made`` is the record of the answers."""
    lowest_layer = made["lowest_layer"]
    before = [each["tokens_before"] for each in scored]
    after = [each["tokens_after"] for each in scored]
    layer = max(method["layer"], lowest_layer)
    note = made.get("note") or None
    if method["kind"] == "cache":
        note = "compresses the cache behind each layer's prefill: saves memory and decoding, no prefill"
    elif layer != method["layer"]:
        note = f"{method['reducer']} needs layer {lowest_layer} or later: ran before layer {layer}"
    return {
        "layer": layer,
        "note": note,
        "first_token_kept": not method["reference"],
        "keep_ratio_requested": method["keep_ratio"],
        "keep_ratio_effective": sum(after) / sum(before) if before else None,
        "tokens_before": _token_spread(before),
        "tokens_after": _token_spread(after),
        **_merging(scored, before),
        "cache_bytes": _token_spread([each["cache_bytes"] for each in scored]),
    }


def _merging(scored: Sequence[Row], before: Sequence[int]) -> Row:
    """Return what was merged and what the layers saw; answers of an earlier version don't know."""
    if not scored or any(each["share_of_layers"] is None for each in scored):
        return {}
    seen = sum(each["share_of_layers"] * tokens for each, tokens in zip(scored, before, strict=True))
    return {
        "tokens_merged": _token_spread([each["tokens_merged"] for each in scored]),
        "share_of_layers": seen / sum(before) if sum(before) else None,
    }


def _token_spread(tokens: Sequence[int]) -> Row | None:
    if not tokens:
        return None
    return {"mean": sum(tokens) / len(tokens), "min": min(tokens), "max": max(tokens)}


def _times(answers: Sequence[Answered]) -> Row:
    """Return the stage times per sample and the real-time factor over all answered samples."""
    timed = [(each.seconds, each.batch_rows or 1) for each in answers if each.seconds]
    rows = [size for _, size in timed]
    seconds = {stage: [clock[stage] for clock, _ in timed] for stage in STAGES}
    # Selection happens inside prefill, so it isn't added again.
    whole = [sum(clock[stage] for stage in ("mel", "encode", "prefill", "decode")) for clock, _ in timed]
    audio, work = sum(each.duration_s for each in answers), sum(whole)
    return {
        "stages": {stage: spread(values, rows) for stage, values in seconds.items()},
        "per_clip": spread(whole, rows),
        "real_time_factor": work / audio if audio else None,
    }
