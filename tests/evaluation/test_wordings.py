"""Every wording of AudioMarathon's ten tasks, on their stand-ins: prompt, parser and metric, end to end."""

from __future__ import annotations

import importlib
import re
from typing import Any

import cells
import pytest
import yaml

from earmark.config.asked import Answering, Asked, Limits, Question
from earmark.config.settings import Settings
from earmark.config.source import read
from earmark.core.places import ROOT
from earmark.data.choice import choose, left_in
from earmark.data.sources import synthetic_marathon, synthetic_music
from earmark.models.features import FeatureRow
from earmark.scoring import catalogue
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.samples import samples_of

TEN = ("desed", "gtzan", "had", "librispeech", "race", "slue", "tau", "vesus", "vox_gender", "vox_age")
PROFILES = ("default", "reference_dart", "reference_others")
CARD = "You are Qwen, a virtual human"

# How the public scripts build a prompt: which system turn (the model card's sentence; with a role behind
# it; a role alone), then the user's turn: i for an instruction, Q the item's question, A. A: A) its options.
STRUCTURE = {
    ("desed", "reference_dart"): ("card+role", "i Q A:"),
    ("desed", "reference_others"): ("role", "Q A. i"),
    ("gtzan", "reference_dart"): ("card+role", "i A: i"),
    ("gtzan", "reference_others"): ("card+role", "i Q A. i"),
    ("had", "reference_dart"): ("card+role", "i A: i"),
    ("had", "reference_others"): ("role", "i"),
    ("librispeech", "reference_dart"): ("card+role", "i"),
    ("librispeech", "reference_others"): ("card", "i"),
    ("race", "reference_dart"): ("card+role", "Q A. i"),
    ("race", "reference_others"): ("card", "i Q A. i"),
    ("slue", "reference_dart"): ("card+role", "Q A:"),
    ("slue", "reference_others"): ("card", "i Q A. i"),
    ("tau", "reference_dart"): ("card+role", "i A: i"),
    ("tau", "reference_others"): ("card", "i A: i"),
    ("vesus", "reference_dart"): ("card+role", "Q A) i"),
    ("vesus", "reference_others"): ("card", "i Q A) i"),
    ("vox_gender", "reference_dart"): ("card+role", "i"),
    ("vox_gender", "reference_others"): ("card", "i"),
    ("vox_age", "reference_dart"): ("card+role", "Q A) i"),
    ("vox_age", "reference_others"): ("card", "i Q A) i"),
}


def asked(task: str, profile: str) -> Asked:
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    # as config/paper.yaml has it: each item brings its own question
    tasks = {"gtzan": {"question": None}} if task == "gtzan" else {}
    return Settings.load({**config, "profile": profile, "tasks": tasks}, ROOT).asked(task)


def cell_of(wording: Asked, **method: Any) -> Cell:
    """Return a cell that asks in a wording."""
    answers = catalogue.of_answers(wording.metric).answers
    return cells.cell(
        method, **wording.parts(Limits, Question, Answering), name=wording.name, answers=answers
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, list[FeatureRow]]:
    """The stand-in of every task, two clips of a second for each class."""
    found, small = {}, {"clips_per_class": 2, "min_s": 1, "max_s": 1.2}
    for task in TEN:
        folder = tmp_path_factory.mktemp(task)
        if task == "gtzan":
            settings = {
                "kind": "synthetic_music",
                "genres": 4,
                "recording_s": 1,
                "question": "Which?",
                "splits": {"test": small},
            }
            made = synthetic_music.collect(read(settings, task), folder, 0, 1)
        else:
            words = {"utterances": 3, "min_words": 2, "max_words": 4}
            settings = {
                "kind": "synthetic_marathon",
                "task": task,
                "splits": {"test": words if task == "librispeech" else small},
            }
            made = synthetic_marathon.collect(read(settings, task), folder, 0, 1)
        found[task] = [FeatureRow(clip, 25, 0, 0, 0) for clip in made]
    return found


def shape(prompt: str, question: str, options: tuple[str, ...]) -> str:
    """Return a prompt as a line of its parts: i, Q, A. A: or A)."""
    found = []
    lines = [line for line in prompt.splitlines() if line not in ("", "Options:")]
    for line in lines:
        mark = re.match(r"([A-Z])([.:)]) (.+)", line)
        if mark and mark[3] == options[ord(mark[1]) - ord("A")].replace("_", " "):
            found.append("A" + mark[2])
        else:
            found.append("Q" if line.removeprefix("Question: ") == question else "i")
    return " ".join(part for i, part in enumerate(found) if i == 0 or part != found[i - 1])


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("task", TEN)
def test_right_answers_are_read_as_right_in_every_wording(clips, task, profile):
    wording = asked(task, profile)
    cell = cell_of(wording)
    rows = left_in(clips[task], wording.leave_out)
    samples = samples_of(cell, choose(rows, None, 0, balanced=wording.balanced), 25)
    parse = importlib.import_module(f"earmark.scoring.parsers.{wording.parser}").parse
    scoring = catalogue.of_answers(wording.metric)
    judged = []
    for sample in samples:
        # a model that knows: the letter, or the words
        reply = sample.question.letter or sample.label
        row = scoring.judge([reply], parse, sample.question, sample.label, wording)
        said = {"truth": sample.label, "truth_letter": sample.question.letter, "group": sample.group}
        judged.append(row | said)
    metrics = scoring.tables(judged, wording, 100, 0)["metrics"]
    assert len(judged) >= 2 and metrics["parse_failures"]["value"] == 0
    assert metrics["wer" if task == "librispeech" else "accuracy"]["value"] == (task != "librispeech")


@pytest.mark.parametrize(("task", "profile"), STRUCTURE)
def test_a_reference_prompt_is_built_as_the_public_one(clips, task, profile):
    wording = asked(task, profile)
    cell = cell_of(wording)
    system, parts = STRUCTURE[task, profile]
    told = wording.prompt.system
    card, _, role = told.partition("text and speech.") if told.startswith(CARD) else ("", "", told)
    assert "+".join(n for n, text in (("card", card), ("role", role.strip())) if text) == system
    for row, sample in zip(clips[task], samples_of(cell, clips[task], 25), strict=True):
        question = "" if task in ("librispeech", "vox_gender", "had") else row.clip.text
        assert shape(sample.question.prompt, question, sample.question.options) == parts


@pytest.mark.parametrize("task", TEN)
def test_the_default_prompt_asks_and_shows_the_options_and_nothing_depends_on_the_method(clips, task):
    wording = asked(task, "default")
    made = [samples_of(cell_of(wording, **method), clips[task], 25) for method in ({}, {"reference": True})]
    assert made[0] == made[1]
    for sample in made[0]:
        for option in sample.question.options:
            assert option.replace("_", " ") in sample.question.prompt
        assert bool(sample.question.options) == (task != "librispeech")
