"""Multiple-choice answers are read as a person would read them."""

from __future__ import annotations

import pytest

from earmark.tasks.letter import parse

GENRES = ["blues", "classical", "jazz", "rock"]


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ("B", GENRES, 1),
        ("b", GENRES, 1),
        (" C.\n", GENRES, 2),
        ("(d)", GENRES, 3),
        ("**A**", GENRES, 0),
        ("B. classical", GENRES, 1),
        ("c) jazz", GENRES, 2),
        ("C: jazz", GENRES, 2),
        ("The answer is C", GENRES, 2),
        ("The correct answer is: D.", GENRES, 3),
        ("I would choose option B", GENRES, 1),
        ("jazz", GENRES, 2),
        ("This sounds like classical music.", GENRES, 1),
        ("A dog barks here; I hear rock", GENRES, 3),
        ("fake", ["real", "fake"], 1),
        ("female", ["male", "female"], 1),
        ("The speaker is male", ["male", "female"], 0),
        ("folk music", ["music", "folk music"], 1),
        ("dog bark", ["dog_bark", "rain"], 0),
        ("Ответ: B", GENRES, 1),
        ("答案是 C", GENRES, 2),
        ("", GENRES, None),
        ("   ", GENRES, None),
        ("I cannot answer that.", GENRES, None),
        ("As an AI model I can not hear audio", GENRES, None),
        ("It is either jazz or rock", GENRES, None),
        ("A or B", GENRES, None),
        ("E", GENRES, None),
        ("because", GENRES, None),
    ],
)
def test_an_answer_is_parsed(answer, options, expected):
    assert parse(answer, options) == expected
