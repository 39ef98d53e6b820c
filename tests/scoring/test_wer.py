"""Word error rates are jiwer's on the same texts; empty replies are all deletions."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest

from earmark.config.asked import Scoring
from earmark.scoring import catalogue, error_rate
from earmark.scoring.normalise import NORMALISERS, plain
from earmark.scoring.parsers.transcript import parse
from earmark.scoring.question import Question

WORDS = ["one", "two", "three", "four", "don't"]
TASK = Scoring(metric="wer")
WER = catalogue.of_answers("wer")


def utterances(seed: int, n: int = 40) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    truth, read = [], []
    for _ in range(n):
        words = list(rng.choice(WORDS, int(rng.integers(1, 12))))
        truth.append(" ".join(words))
        kept = [rng.choice(WORDS) if rng.random() < 0.2 else w for w in words if rng.random() > 0.2]
        read.append(" ".join([*kept, *rng.choice(WORDS, int(rng.integers(0, 3)))]))
    return truth, read


def judged(truth: list[str], read: list[str]) -> list[dict]:
    asked = Question("?", (), None)
    return [
        {"group": f"speaker={i % 2}", **WER.judge([r], parse, asked, t, TASK)}
        for i, (t, r) in enumerate(zip(truth, read, strict=True))
    ]


@pytest.mark.parametrize("seed", range(4))
def test_rates_equal_jiwer(seed):
    truth, read = utterances(seed)
    found = WER.tables(judged(truth, read), TASK, 100, 0)
    whole = jiwer.process_words(truth, read)
    words = whole.hits + whole.substitutions + whole.deletions
    metrics = found["metrics"]
    assert metrics["wer"]["value"] == pytest.approx(whole.wer)
    for kind in ("substitutions", "deletions", "insertions"):
        assert metrics[f"wer_{kind}"]["value"] == pytest.approx(getattr(whole, kind) / words)
    each = [jiwer.wer(t, r) for t, r in zip(truth, read, strict=True)]
    assert metrics["wer_mean"]["value"] == pytest.approx(np.mean(each))
    assert metrics["faultless"]["value"] == pytest.approx(np.mean([rate == 0 for rate in each]))
    for row in found["per_group"]:
        mine = [i for i in range(len(truth)) if str(i % 2) == row["group"]]
        expected = jiwer.wer([truth[i] for i in mine], [read[i] for i in mine])
        assert (row["facet"], row["score"]["value"]) == ("speaker", pytest.approx(expected))


@pytest.mark.parametrize("reply", ["", "...", "Spoken Content:"])
def test_a_reply_without_words_is_all_deletions_and_a_parse_failure(reply):
    (row,) = judged(["one two three"], [reply])
    assert row["errors"] == {"length": 3, "substitutions": 0, "deletions": 3, "insertions": 0}
    assert (row["parsed"], row["correct"], row["predicted"]) == (False, False, None)
    assert WER.tables([row], TASK, 100, 0)["metrics"]["parse_failures"]["value"] == 1


def test_no_mistake_in_a_few_utterances_does_not_claim_certainty():
    metrics = WER.tables(judged(["one two"] * 10, ["one two"] * 10), TASK, 100, 0)["metrics"]
    for name in ("wer", "wer_mean"):
        assert (metrics[name]["value"], metrics[name]["low"]) == (0, 0)
        assert metrics[name]["high"] == pytest.approx(0.2775, abs=1e-3)


def test_a_single_utterance_has_no_interval():
    found = WER.tables(judged(["one two"], ["one"]), TASK, 100, 0)["metrics"]["wer"]
    assert found == {"value": 0.5, "low": None, "high": None, "n": 1, "interval": "score"}


def test_windows_are_read_one_after_another():
    row = WER.judge(["one", "", "two"], parse, Question("?", (), None), "One, two!", TASK)
    assert (row["predicted"], row["correct"]) == ("one two", True)


def test_nothing_scored_gives_no_number():
    assert WER.tables([], TASK, 100, 0)["metrics"]["wer"]["value"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DON\u2019T stop, now!", ["don't", "stop", "now"]),
        ("twenty-one", ["twenty", "one"]),
        ("'tis the 'end'", ["tis", "the", "end"]),
        ("Ｆｕｌｌ width", ["full", "width"]),
        ("Stra\u00dfe", ["strasse"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
    ],
)
def test_the_normaliser(text, words):
    assert plain(text) == words


def test_the_public_normalisers():
    text = "Don't, well-known"
    assert NORMALISERS["reference_dart"](text) == ["DON'T,", "WELL-KNOWN"]
    assert NORMALISERS["reference_others"](text) == ["dont", "wellknown"]
    assert NORMALISERS["reference_others"]("and/or on \u2014 (so) [it] is") == [
        "and/or",
        "on",
        "\u2014",
        "so",
        "it",
        "is",
    ]
    assert error_rate.words(["DON'T,"], ["DON'T"])["substitutions"] == 1


def test_whispers_english_normaliser_is_whispers():
    words = NORMALISERS["whisper_english"]
    assert words("Mr. Smith paid $5 for twenty-one colours, um, he won't say") == (
        ["mister", "smith", "paid", "$5", "for", "21", "colors", "he", "will", "not", "say"]
    )
