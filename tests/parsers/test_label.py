"""Named answers are read by name, by letter, by their short form; negations and refusals are no answer."""

from __future__ import annotations

import pytest

from earmark.scoring.parsers.label import parse

HAD, GENDER = ["real", "fake"], ["male", "female"]
EMOTIONS = ["angry: loud and sharp", "sad: low and slow", "monotone: without any change"]
AGES = ["Young Adult (18-30)", "Early Career (31-40)", "Senior (51-70)"]


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ("fake", HAD, 1),
        ("Fake.", HAD, 1),
        ("b", HAD, 1),
        ("A", HAD, 0),
        ("(a)", HAD, 0),
        ("a) real", HAD, 0),
        ("A fake recording", HAD, 1),
        ("This is a fake.", HAD, 1),
        ("The audio is not real, it is fake", HAD, 1),
        ("It is not fake", HAD, None),
        ("real or fake", HAD, None),
        ("The audio isn't real", HAD, None),
        ("N/A", HAD, None),
        ("A: real\nB: fake", HAD, None),
        ("The speech sounds genuine.", HAD, 0),
        ("unreal", HAD, None),
        ("female", GENDER, 1),
        ("Female", GENDER, 1),
        ("The speaker is male.", GENDER, 0),
        ("A woman is speaking", GENDER, 1),
        ("a man", GENDER, 0),
        ("neither male nor female", GENDER, None),
        ("males", GENDER, 0),
        ("I'm sorry, I can't tell whether the speaker is male.", GENDER, None),
        ("女性 female", GENDER, 1),
        ("答案是B", GENDER, 1),
        ("Angry", EMOTIONS, 0),
        ("The speaker sounds sad", EMOTIONS, 1),
        ("neutral", EMOTIONS, 2),
        ("loud", EMOTIONS, None),
        ("31-40", AGES, 1),
        ("about 31 to 40", AGES, 1),
        ("31\u201340", AGES, 1),
        ("between 31 and 40", AGES, 1),
        ("31", AGES, 1),
        ("Senior", AGES, 2),
        ("not Senior", AGES, None),
        ("dashed", ["dashed \u2013 a gloss", "41\u201350"], 0),
        ("41-50", ["dashed \u2014 a gloss", "41\u201350"], 1),
        ("c", AGES, 2),
        ("Young adult (18-30)", AGES, 0),
        ("", HAD, None),
        ("   \n", HAD, None),
        ("d", HAD, None),
    ],
)
def test_a_named_answer_is_parsed(answer, options, expected):
    assert parse(answer, options) == expected
