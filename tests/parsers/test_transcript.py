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
        ("The original content of this audio is: 'hello world'", "hello world"),
        ("The speaker says in English: one two", "one two"),
        ("The transcription of the audio is: one", "one"),
        ("The transcription is as follows: one two", "one two"),
        ("The content of the audio is: one", "one"),
        ("The speech says: one", "one"),
        ("The person says, one two", "one two"),
        ("The speaker said: one", "one"),
        ("The text is: one", "one"),
        ("In the audio, the speaker says: one two", "one two"),
        ("Of course! Here is the transcript: one two", "one two"),
        ('The audio says "one two"', "one two"),
        ("Here's what the speaker says: one", "one"),
        ("<think>hm</think>one two", "one two"),
        ("The text is hard to read", "The text is hard to read"),
        ("the content was lost", "the content was lost"),
        ("The man said that he was late", "The man said that he was late"),
        ("The speaker of the house said yes", "The speaker of the house said yes"),
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
