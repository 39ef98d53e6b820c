"""A task: its data, its question, and how answers are read and scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from earmark.config.data import Data
from earmark.config.section import Partial, Section, left_out
from earmark.config.values import Count, Distinct, TaskName

OptionMark = Literal[".", ":", ")"]
Normaliser = Literal["plain", "whisper_english", "reference_dart", "reference_others"]
Facets = Annotated[dict[str, str], Field(min_length=1)]


def _not_default(name: str) -> str:
    if name == "default":
        raise ValueError("'default' is the task's own wording; give the profile another name")
    return name


ProfileName = Annotated[TaskName, AfterValidator(_not_default)]


class Prompt(Section):
    """The words around the audio."""

    system: str | None = None
    """the system turn; null: none"""

    template: str = "{question}\n{options}\nAnswer with the letter only."
    """the user's turn after the audio; fields: {question}, {options}"""

    option_mark: OptionMark = "."
    """the sign after an option's letter"""


class OtherPrompt(Partial):
    """What a profile changes of the words around the audio."""

    system: str | None = None
    """the system turn; null: none"""

    template: str = left_out()
    """the user's turn after the audio; fields: {question}, {options}"""

    option_mark: OptionMark = left_out()
    """the sign after an option's letter"""


class Profile(Partial):
    """What a profile changes of how a task is asked; what is measured stays."""

    question: str | None = None
    """the question; null: the one that comes with the data"""

    prompt: OtherPrompt = OtherPrompt()
    """the words around the audio"""

    parser: str = left_out()
    """module in scripts/earmark/scoring/parsers/"""

    normaliser: Normaliser = left_out()
    """of transcripts, before words are compared"""

    max_new_tokens: Count = left_out()
    """longest answer"""

    balanced: bool = left_out()
    """ask no more clips of any class than the rarest has"""

    leave_out: list[Facets] = left_out()
    """clips that are not asked"""


class Task(Section):
    """A task: its data, prompt, parser and metric; systems add keys of their own."""

    title: str
    """what it is called on the page"""

    data: Data
    """where recordings come from, and how they become clips and shards"""

    question: str | None = None
    """the question; null: the one that comes with the data"""

    options: int = Field(default=4, ge=2, le=26)
    """answer options drawn per clip, where the data bring none"""

    choices: Distinct[str] | None = Field(default=None, min_length=2, max_length=26)
    """the options where they are the same for every clip, in the order shown; null: the clip's own, or
    drawn"""

    prompt: Prompt = Prompt()
    """the words around the audio"""

    parser: str = "letter"
    """module in scripts/earmark/scoring/parsers/: letter, label, transcript or number; the reference_ ones
    repeat the public code's rules, errors included"""

    metric: str = "classes"
    """module in scripts/earmark/scoring/metrics/: classes: the options are classes, F1 over their names and
    over letters; letters: every clip has options of its own, F1 over letters alone; wer, cer: the answer is
    a transcript, errors counted in words or characters; number: the answer is a number"""

    normaliser: Normaliser = "plain"
    """of transcripts, before words are compared: scripts/earmark/scoring/normalise.py"""

    max_new_tokens: Count = 5
    """longest answer; generation ends earlier at the end of the turn"""

    long_audio: Literal["error", "truncate", "window"] = "error"
    """what happens to audio over the model's max_audio_s"""

    sample_limit: Count | None = None
    """ask, and encode, at most so many clips, classes (or groups, where there are no classes) balanced"""

    balanced: bool = False
    """ask no more clips of any class (or group, where there are no classes) than the rarest has, chosen by
    the seed"""

    leave_out: list[Facets] = []
    """clips that are not asked: each entry is facets of a clip's group (or its label) that all agree"""

    profiles: dict[ProfileName, Profile] = {}
    """name -> other wordings; config's `profile` chooses one for all tasks that have it"""
