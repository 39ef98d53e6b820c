"""The public code's parsers are repeated with their errors; ours do not share them."""

from __future__ import annotations

import pytest

from earmark.scoring.parsers import (
    label,
    letter,
    reference_age,
    reference_first,
    reference_gender,
    reference_label,
    reference_letter,
    reference_tau,
    reference_tau_dart,
    reference_transcript,
    reference_transcript_dart,
    reference_vesus,
    reference_vesus_dart,
)

FOUR = ["blues", "classical", "jazz", "rock"]
GENDER, HAD = ["male", "female"], ["real", "fake"]
STREETS = ["street_pedestrian", "street_traffic", "park", "tram"]
EMOTIONS = ["Happy - joyful and bright", "Sad - slow", "Monotone - even", "Angry - loud"]
AGES = ["Young Adult (18-30)", "Early Career (31-40)", "Senior (51-70)"]


@pytest.mark.parametrize(
    ("theirs", "ours", "answer", "options", "reference", "expected"),
    [
        (reference_first, letter, "The answer is C", FOUR, 0, 2),
        (reference_letter, letter, "The answer is C", FOUR, 2, 2),
        (reference_letter, label, "fake", ["real", "fake"], 0, 1),
        (reference_letter, label, "female", ["male", "female"], 0, 1),
        (reference_gender, label, "female", GENDER, 1, 1),
        (reference_gender, label, "It is a female voice", GENDER, 1, 1),
        (reference_gender, label, "b) female", GENDER, 1, 1),
        (reference_gender, label, "A female voice", GENDER, 1, 1),
        (reference_gender, label, "A female speaker.", GENDER, 1, 1),
        (reference_gender, label, "(b)", GENDER, 1, 1),
        (reference_gender, label, "b:", GENDER, None, 1),
        (reference_label, label, "A fake recording.", HAD, 1, 1),
        (reference_label, label, "(b)", HAD, 1, 1),
        (reference_label, label, "b:", HAD, None, 1),
        (reference_label, label, "synthetic", HAD, 1, 1),
        (reference_label, label, "It sounds genuine", HAD, 0, 0),
        (reference_label, label, "real or fake", HAD, None, None),
        (reference_tau, letter, "The answer is B", FOUR, None, 1),
        (reference_tau, letter, "Answer: B", FOUR, None, 1),
        (reference_tau, letter, "answer b", FOUR, None, 1),
        (reference_tau_dart, letter, "answer b", FOUR, 1, 1),
        (reference_tau_dart, letter, "The answer is B", FOUR, None, 1),
        (reference_tau, letter, "street", STREETS, None, None),
        (reference_tau, letter, "a pedestrian on the street", STREETS, 0, 0),
        (reference_tau_dart, letter, "a pedestrian on the street", STREETS, None, 0),
        (reference_vesus, label, "Sad", EMOTIONS, None, 1),
        (reference_vesus, label, "joyful", EMOTIONS, 0, 0),
        (reference_vesus, label, "The answer is B", EMOTIONS, None, 1),
        (reference_vesus_dart, label, "Sad", EMOTIONS, 1, 1),
        (reference_vesus_dart, label, "joyful", EMOTIONS, 0, 0),
        (reference_vesus_dart, label, "flat", EMOTIONS, 2, 2),
        (reference_vesus_dart, label, "frustrated", EMOTIONS, 3, None),
        (reference_gender, label, "not female", GENDER, 1, None),
        (reference_gender, label, "option a", GENDER, 0, 0),
        (reference_gender, label, "", GENDER, None, None),
        (reference_age, label, "b", AGES, 1, 1),
        (reference_age, label, "(c) Senior", AGES, 2, 2),
        (reference_age, label, "I think it is B", AGES, 1, 1),
        (reference_age, label, "a senior person", AGES, 0, 2),
        (reference_age, label, "C, or the answer is A", AGES, 0, None),
        (reference_age, label, "Senior", AGES, None, 2),
        (reference_age, label, "senior (51-70)", AGES, 2, 2),
        (reference_label, label, "this is a fake recording", ["real", "fake"], 0, 1),
        (reference_label, label, "option b", ["real", "fake"], 1, 1),
        (reference_tau, letter, "I hear jazz or rock", FOUR, 2, None),
        (reference_tau, letter, "b)", FOUR, 1, 1),
        (reference_tau, letter, "", FOUR, None, None),
        (reference_letter, letter, "Hmm", FOUR, None, None),
        (reference_first, letter, "I cannot say", FOUR, 2, None),
    ],
)
def test_the_public_rules_and_ours(theirs, ours, answer, options, reference, expected):
    assert theirs.parse(answer, options) == reference
    assert ours.parse(answer, options) == expected


def test_the_public_transcript_clean_up():
    reply = 'Well.\nSpoken Content: "one two three"\nthanks'
    assert reference_transcript.parse(reply, ()) == '"one two three"\nthanks'
    assert reference_transcript_dart.parse(reply, ()) == "one two three"
    for said, heard in (
        ("Content: hello", "hello"),
        ("Output: hello", "hello"),
        ("The audio says: hello", "hello"),
        ("I hear hello", "hello"),
        ("[hello]", "hello"),
        ("<transcribed text here> hello", "hello"),
        ("Transcript: one two\nTranscription: three", "one two"),
        ("x", None),
        ("", None),
    ):
        assert reference_transcript.parse(said, ()) == heard
