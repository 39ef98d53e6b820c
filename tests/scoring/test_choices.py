"""Tables of choices: groups, letters where there are no classes, parse failures."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from earmark.config.asked import Scoring
from earmark.scoring import catalogue
from earmark.scoring.groups import facets, joined
from earmark.scoring.intervals import wilson
from earmark.scoring.parsers.letter import parse
from earmark.scoring.question import LETTERS, Question

TASK = Scoring()

CLASSES, LETTER = catalogue.of_answers("classes"), catalogue.of_answers("letters")


def rows(n: int = 60) -> list[dict]:
    rng, made = np.random.default_rng(0), []
    for number in range(n):
        options = tuple(f"text {number} {i}" for i in range(4))
        truth = int(rng.integers(4))
        reply = rng.choice(["A", "B", "The answer is C", "D", "no idea"])
        question = Question("?", options, truth)
        found = CLASSES.judge([str(reply)], parse, question, options[truth], TASK)
        level = "high" if number % 3 else "middle"
        made.append(
            {"truth": options[truth], "truth_letter": LETTERS[truth], "group": f"level={level}", **found}
        )
    return made


def test_options_of_their_own_are_scored_by_letter():
    made = rows()
    found = LETTER.tables(made, TASK, 100, 0)
    truth, chosen = [r["truth_letter"] for r in made], [r["predicted_letter"] or "none" for r in made]
    assert set(found["metrics"]) == {"accuracy", "f1_macro_letters", "f1_weighted_letters", "parse_failures"}
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(accuracy_score(truth, chosen))
    for name, average in (("f1_macro_letters", "macro"), ("f1_weighted_letters", "weighted")):
        expected = f1_score(truth, chosen, labels=list("ABCD"), average=average)
        assert found["metrics"][name]["value"] == pytest.approx(expected)
    assert [row["class"] for row in found["per_class"]] == list("ABCD")


def test_groups_are_the_accuracy_of_their_samples():
    made = rows()
    for row in LETTER.tables(made, TASK, 100, 0)["per_group"]:
        right = [r["correct"] for r in made if r["group"] == f"level={row['group']}"]
        assert (row["n"], row["score"]["value"]) == (len(right), pytest.approx(np.mean(right)))


def test_parse_failures_have_wilsons_interval():
    made = rows()
    failed = sum(not r["parsed"] for r in made)
    found = CLASSES.tables(made, TASK, 100, 0)["metrics"]["parse_failures"]
    assert 0 < failed < 60 and found["value"] == failed / 60
    assert (found["low"], found["high"]) == wilson(failed, 60)


def test_facets_survive_their_text():
    assert facets(joined({"person": 2, "emotion": "a;b=c", "none": None})) == {
        "person": "2",
        "emotion": "a b c",
    }
    assert facets("a place") == {"group": "a place"}
    assert facets("") == {}
