"""A task: its data, its question, and how answers are read and scored."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from earmark.config.asked import (
    Answering,
    Facets,
    Limits,
    Normaliser,
    OptionMark,
    Question,
    Scoring,
    Titled,
)
from earmark.config.data import Data
from earmark.config.section import Partial, Section, left_out
from earmark.config.values import Count, TaskName


def _not_default(name: str) -> str:
    if name == "default":
        raise ValueError("'default' is the task's own wording; give the profile another name")
    return name


ProfileName = Annotated[TaskName, AfterValidator(_not_default)]


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


class Sourced(Section):
    """What has data."""

    data: Data
    """where recordings come from, and how they become clips and shards"""


class Task(Limits, Answering, Scoring, Question, Sourced, Titled):
    """A task: its data, prompt, parser and metric; systems add keys of their own."""

    profiles: dict[ProfileName, Profile] = {}
    """name -> other wordings; config's `profile` chooses one for all tasks that have it"""
