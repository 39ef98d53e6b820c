"""A transcript loses its lead-in, once and in front, and nothing else."""

from __future__ import annotations

import pytest

from earmark.scoring.parsers.transcript import parse


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("one two three", "one two three"),
        ("Spoken Content: one two", "one two"),
        ("**Spoken Content:** one two", "one two"),
        ("spoken content: Spoken content: twice", "Spoken content: twice"),
        ("Here is the transcript:\n\none two", "one two"),
        ("Sure! Here's the transcription: one", "one"),
        ("Transcript of the audio: one", "one"),
        ("The transcript was lost", "The transcript was lost"),
        ("He said: the transcript: one", "He said: the transcript: one"),
        ('"one two"', "one two"),
        ("\u201cone two\u201d", "one two"),
        ('"one" and "two"', '"one" and "two"'),
        ("Transcript: \u4f60\u597d", "\u4f60\u597d"),
        ("", None),
        ("  \n", None),
        ("...", None),
        ("Spoken Content:", None),
    ],
)
def test_a_transcript_is_parsed(answer, expected):
    assert parse(answer, ()) == expected
