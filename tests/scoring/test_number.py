"""Numbers in replies, and how near they are to the right ones."""

from __future__ import annotations

import pytest

from earmark.config.asked import Scoring
from earmark.scoring import catalogue
from earmark.scoring.counted import away, bounds
from earmark.scoring.parsers import number, reference_number
from earmark.scoring.question import Question

NUMBER = catalogue.of_answers("number")
TASK = Scoring(metric="number")


@pytest.mark.parametrize(
    ("reply", "ours", "theirs"),
    [
        ("3120", 3120, 3120),
        ("The recording is 3,130 seconds long.", 3130, 3),
        ("52:10", 3130, 52),
        ("1:02:03", 3723, 1),
        ("52 minutes and 10 seconds", 3130, 52),
        ("about 2 hours", 7200, 2),
        ("90 s", 90, 90),
        ("There are four speakers.", 4, None),
        ("twenty-one", 21, None),
        ("2 men and 3 women, so the total is 5.", 5, 2),
        ("2 + 3 = 5", 5, 2),
        ("2 men and 3 women", None, 2),
        ("I can not tell.", None, None),
        ("", None, None),
        ("12.5", 12.5, 12),
        ("5. Yes, 5 speakers", 5, 5),
    ],
)
def test_a_number_is_read_as_a_careful_reader_would_and_as_the_public_rule_does(reply, ours, theirs):
    assert number.parse(reply) == ours
    assert reference_number.parse(reply) == theirs


@pytest.mark.parametrize(
    ("answer", "right"),
    [("31", (31, 31)), ("[3, 5]", (3, 5)), (" 2.5 ", (2.5, 2.5)), ("many", None), ("-1", None)],
)
def test_an_answer_key_is_a_number_or_a_range(answer, right):
    assert bounds(answer) == right


def test_within_a_range_a_number_is_right_and_beside_it_so_far_off():
    assert [away(n, (3, 5)) for n in (1, 3, 4, 5, 8)] == [2, 0, 0, 0, 3]


def test_windows_are_asked_until_one_names_a_number_and_nothing_is_scored_by_lot():
    question = Question("How many?", (), None)

    def judged(*replies: str) -> dict:
        return {"group": "task=x", **NUMBER.judge(replies, number.parse, question, "[3, 5]", TASK)}

    rows = [judged("no idea", "4"), judged("6"), judged("none that I hear"), judged("9", "4")]
    assert [row["correct"] for row in rows] == [True, False, False, False]
    assert [row["off_by"] for row in rows] == [0, 1, None, 4]
    metrics = NUMBER.tables(rows, TASK, 100, 0)["metrics"]
    shares = ("accuracy", "accuracy_within_2", "parse_failures")
    assert [metrics[name]["value"] for name in shares] == [0.25, 0.5, 0.25]
    assert NUMBER.mistakes(rows[1]) == "off by 1"
