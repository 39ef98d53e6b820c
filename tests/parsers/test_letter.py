"""Multiple-choice answers are read as a person would read them."""

from __future__ import annotations

import pytest

from earmark.scoring.parsers.letter import parse

GENRES = ["blues", "classical", "jazz", "rock"]
SENTENCES = ["He was a teacher.", "He was not a teacher.", "She can't sing.", "None of the above."]
SCENES = ["metro", "metro_station", "bus"]
COUNTS = ["3", "5", "12"]


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
        ("[C]", GENRES, 2),
        ("「B」", GENRES, 1),
        ("答案是C", GENRES, 2),
        ("选择Ｃ。", GENRES, 2),
        ("答えはBです", GENRES, 1),
        ("La réponse est D", GENRES, 3),
        ("Die Antwort ist B.", GENRES, 1),
        ("the answer is c.", GENRES, 2),
        ("A jazz trio is playing", GENRES, 2),
        ("A very long sentence about nothing", GENRES, None),
        ("An answer", GENRES, None),
        ("not A", GENRES, None),
        ("B and C", GENRES, None),
        ("A, B, C or D", GENRES, None),
        ("I'm sorry, I can't tell jazz from rock.", GENRES, None),
        ("I cannot be certain, but the answer is C", GENRES, 2),
        ("I am unable to listen. B", GENRES, None),
        ("D'accord", GENRES, None),
        ("ABBA", GENRES, None),
        ("\u0410", GENRES, None),
        ("N/A", GENRES, None),
        ("Not B", GENRES, None),
        ("Not B, but C", GENRES, 2),
        ("The answer isn't A. It's C", GENRES, 2),
        ("do not choose B", GENRES, None),
        ("It is not jazz", GENRES, None),
        ("The audio is classical, not jazz", GENRES, 1),
        ("Neither jazz nor rock; blues", GENRES, 0),
        ("(A)(B)", GENRES, None),
        ("A, B", GENRES, None),
        ("C. C", GENRES, 2),
        ("A. blues\nB. classical\nC. jazz\nD. rock", GENRES, None),
        ("A. blues B. classical C. jazz D. rock\nThe answer is D", GENRES, 3),
        ("C. jazz\nA. blues is wrong", GENRES, 2),
        ("I choose c", GENRES, 2),
        ("He was a teacher", SENTENCES, 0),
        ("he was not a teacher", SENTENCES, 1),
        ("She can't sing", SENTENCES, 2),
        ("I'm sorry, I can't tell", SENTENCES, None),
        ("None of the above", SENTENCES, 3),
        ("None", SENTENCES, None),
        ("metro_station", SCENES, 1),
        ("The metro station.", SCENES, 1),
        ("metro", SCENES, 0),
        ("There are 12 named entities", COUNTS, 2),
        ("1", COUNTS, None),
    ],
)
def test_an_answer_is_parsed(answer, options, expected):
    assert parse(answer, options) == expected
