"""Transcripts: what each sample's replies amount to, and the tables over all samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from earmark.scoring import grouped, wer
from earmark.scoring.intervals import share
from earmark.scoring.normalise import NORMALISERS
from earmark.scoring.question import Question

Row = dict[str, Any]
Parser = Callable[[str, Sequence[str]], str | None]


def judge(replies: Sequence[str], parse: Parser, question: Question, truth: str, task: Row) -> Row:
    """Return what the replies to a sample's windows say, one after another; correct is a faultless one."""
    read = [text for reply in replies if (text := parse(reply, ())) is not None]
    normalise = NORMALISERS[task["normaliser"]]
    counted = wer.count(normalise(truth), normalise(" ".join(read)))
    return {
        "predicted": " ".join(read) if read else None,
        "correct": wer.mistakes(counted) == 0,
        "parsed": bool(read),
        "word_errors": counted,
    }


def tables(rows: Sequence[Row], task: Row, resamples: int, seed: int) -> Row:
    """Return ``metrics`` and ``per_group`` of scored samples; there are no classes.

    ``wer`` is the corpus rate, ``wer_mean`` the mean over utterances; ``faultless`` the share of
    utterances without any error.
    """
    counted = [row["word_errors"] for row in rows]
    kinds = ("substitutions", "deletions", "insertions")
    metrics = {
        "wer": wer.corpus(counted, resamples, seed),
        "wer_mean": wer.mean(counted, resamples, seed),
        **{f"wer_{kind}": wer.part(counted, kind, resamples, seed) for kind in kinds},
        "faultless": share([row["correct"] for row in rows]),
        "parse_failures": share([not row["parsed"] for row in rows]),
    }

    def rate(members: list[Row]) -> Row:
        return wer.corpus([row["word_errors"] for row in members], resamples, seed)

    return {"metrics": metrics, "per_class": [], "per_group": grouped.table(rows, "wer", rate)}
