"""How a task is asked and scored: the words around the audio, the options, the parser and the metric.

Jobs read these, too, so nothing here knows where data come from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import Count, Distinct

OptionMark = Literal[".", ":", ")"]
Normaliser = Literal["plain", "whisper_english", "reference_dart", "reference_others"]
Facets = Annotated[dict[str, str], Field(min_length=1)]


class Prompt(Section):
    """The words around the audio."""

    system: str | None = None
    """the system turn; null: none"""

    template: str = "{question}\n{options}\nAnswer with the letter only."
    """the user's turn after the audio; fields: {question}, {options}"""

    option_mark: OptionMark = "."
    """the sign after an option's letter"""


class Limits(Section):
    """Which clips of a task are asked."""

    sample_limit: Count | None = None
    """ask, and encode, at most so many clips, classes (or groups, where there are no classes) balanced"""

    balanced: bool = False
    """ask no more clips of any class (or group, where there are no classes) than the rarest has, chosen by
    the seed"""

    leave_out: list[Facets] = []
    """clips that are not asked: each entry is facets of a clip's group (or its label) that all agree"""


class Choice(Limits):
    """What decides which clips of the test split a task asks, besides the seed; as jobs are given it."""

    name: str
    """the task's"""

    balanced_by: Literal["label", "group"]
    """what is balanced: labels, or groups where labels are no classes"""


class Question(Section):
    """What is asked about a clip."""

    question: str | None = None
    """the question; null: the one that comes with the data"""

    options: int = Field(default=4, ge=2, le=26)
    """answer options drawn per clip, where the data bring none"""

    choices: Distinct[str] | None = Field(default=None, min_length=2, max_length=26)
    """the options where they are the same for every clip, in the order shown; null: the clip's own, or
    drawn"""

    prompt: Prompt = Prompt()
    """the words around the audio"""


class Answering(Section):
    """How far an answer goes, and what becomes of audio that is too long."""

    max_new_tokens: Count = 5
    """longest answer; generation ends earlier at the end of the turn"""

    long_audio: Literal["error", "truncate", "window"] = "error"
    """what happens to audio over the model's max_audio_s"""


class Scoring(Section):
    """How answers are read and scored."""

    parser: str = "letter"
    """module in scripts/earmark/scoring/parsers/: letter, label, transcript or number; the reference_ ones
    repeat the public code's rules, errors included"""

    metric: str = "classes"
    """module in scripts/earmark/scoring/metrics/: classes: the options are classes, F1 over their names and
    over letters; letters: every clip has options of its own, F1 over letters alone; wer, cer: the answer is
    a transcript, errors counted in words or characters; number: the answer is a number"""

    normaliser: Normaliser = "plain"
    """of transcripts, before words are compared: scripts/earmark/scoring/normalise.py"""


class Titled(Section):
    """What has a title."""

    title: str
    """what it is called on the page"""


class Asked(Limits, Answering, Scoring, Question, Titled):
    """A task in the wording of a profile, as jobs are given it."""

    name: str
    """the task's"""

    profile: str
    """whose wording it is; ``default``: the task's own"""


class Heard(Asked):
    """An asked task, and whose clips are heard for it."""

    heard_as: str
    """the task whose encoder states are read: the first by name with the same data"""
