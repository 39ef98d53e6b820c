"""Train a composed model on encoder states as they are stored: the encoder never runs.

A batch is of one of the tasks, drawn at random, and each of its rows a clip, asked as its evaluation asks
it; the loss is on the answers' tokens alone, and the output head sees no others. Only the projector and,
if there is one, the adapter change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.config.asked import Heard
from earmark.core.errors import UserError
from earmark.core.progress import tqdm
from earmark.core.records import Clip
from earmark.models.causal_lm import Decoder
from earmark.models.features import FeatureStore, check_states, read_index
from earmark.models.padding import left_padded
from earmark.models.projector import Projector
from earmark.scoring import question
from earmark.scoring.catalogue import of_answers
from earmark.training.stage import Draw, Loss

MOST_FITTED = 500
"""Clips that mean and deviation of the states are taken from at most."""


@dataclass(frozen=True)
class Lesson:
    """The training clips of one task and how they are asked."""

    task: Heard
    clips: Sequence[Clip]
    lengths: Mapping[str, int]
    """Stored states of each clip, by key."""
    store: FeatureStore

    @property
    def classes(self) -> list[str]:
        """The classes of the clips, sorted."""
        return sorted({clip.labels[0] for clip in self.clips if clip.labels})

    def states(self, clip: Clip) -> Tensor:
        """Return the encoder states [positions, width] of a clip."""
        return self.store.states(clip.key, 0, self.lengths[clip.key])

    def ask(self, clip: Clip, rng: np.random.Generator) -> tuple[str, str]:
        """Return a prompt and its answer; options that are drawn are drawn anew."""
        task, template = self.task, self.task.prompt.template
        answers = of_answers(task.metric).answers
        if answers == "number":
            return question.ask_freely(template, task.question or clip.text).prompt, clip.labels[0]
        if answers != "choice":
            return question.ask_freely(template, task.question or "").prompt, clip.text
        label, drawn = clip.labels[0], int(rng.integers(2**31))
        options = (
            task.choices
            or clip.options
            or question.draw_options(label, self.classes, task.options, drawn, clip.clip_id)
        )
        mark, fixed = task.prompt.option_mark, bool(task.choices)
        asked = question.ask(template, task.question or clip.text, options, label, mark, fixed=fixed)
        by_letter = task.parser == "letter" and asked.letter is not None
        return asked.prompt, asked.letter if by_letter else question.shown(label)  # type: ignore[return-value]


def lessons(
    tasks: Sequence[Heard], features: Sequence[Path], indexes: Sequence[Path], encoder: str
) -> list[Lesson]:
    """Return the training clips of every task; a file's folder names the task whose clips it holds.

    Raises:
        UserError: features are damaged, of another encoder than ``encoder`` (a digest), or a task has none.
    """
    found = []
    for task in tasks:
        own = [(f, i) for f, i in zip(features, indexes, strict=True) if f.parent.name == task.heard_as]
        read = [read_index(index) for _, index in own]
        check_states([path for path, _ in own], [made for _, made in read])
        for (path, _), (_, metadata) in zip(own, read, strict=True):
            if metadata["model_digest"] != encoder:
                raise UserError(f"{path} is of another encoder than the model's; delete it to make it again")
        rows = [row for rows, _ in read for row in rows if row.clip.ok]
        if not rows:
            raise UserError(f"task '{task.name}': no training clip that can be used")
        rows.sort(key=lambda row: row.clip.clip_id)
        lengths = {row.clip.key: row.tokens for row in rows}
        store = FeatureStore([path for path, _ in own])
        found.append(Lesson(task, [row.clip for row in rows], lengths, store))
    return found


def fit(projector: Projector, learned: Sequence[Lesson], seed: int) -> None:
    """Give the projector mean and deviation of the states it will see, from clips drawn by the seed."""
    every = [(lesson, clip) for lesson in learned for clip in lesson.clips]
    order = np.random.default_rng(seed).permutation(len(every))[:MOST_FITTED]
    drawn = tqdm(order, desc="what the projector will see", unit="clip")
    projector.fit([every[i][0].states(every[i][1]) for i in drawn])


class Row(NamedTuple):
    """A clip as it is asked."""

    ids: list[int]
    """The prompt and its answer."""
    answer: list[int]
    audio: Tensor
    """Its audio tokens [tokens, width]."""


class Read(NamedTuple):
    """What the decoder makes of the answers' tokens, those of all rows one after the other."""

    losses: Tensor
    right: Tensor
    """Whether the token is the likeliest."""


@dataclass(frozen=True)
class Trainer:
    """Makes the loss of one step."""

    decoder: Decoder
    projector: Projector
    lessons: Sequence[Lesson]
    rows: int
    tokens: int

    def row(self, lesson: Lesson, clip: Clip, rng: np.random.Generator) -> Row:
        """Ask a clip."""
        asked, said = lesson.ask(clip, rng)
        heard = self.projector(lesson.states(clip).to(self.decoder.device))
        answer = self.decoder.answer_ids(said)
        prompt = self.decoder.prompt_ids(asked, lesson.task.prompt.system, len(heard))
        return Row(prompt + answer, answer, heard)

    def _batch(self, rng: np.random.Generator) -> list[Row]:
        """Draw a task, and clips of it while they fit."""
        lesson = self.lessons[int(rng.integers(len(self.lessons)))]
        rows: list[Row] = []
        while len(rows) < self.rows:
            clip = lesson.clips[int(rng.integers(len(lesson.clips)))]
            row = self.row(lesson, clip, rng)
            if rows and (len(rows) + 1) * max(len(each.ids) for each in [*rows, row]) > self.tokens:
                break
            rows.append(row)
        return rows

    def read(self, rows: Sequence[Row]) -> Read:
        """Run the decoder over prompts and answers; the output head sees the answers' tokens alone."""
        table, mask, positions = left_padded(
            [row.ids for row in rows], self.decoder.pad_id, self.decoder.device
        )
        states = self.decoder.model(
            inputs_embeds=self.decoder.embed(table, [row.audio for row in rows]),
            attention_mask=mask,
            position_ids=positions,
            use_cache=False,
        ).last_hidden_state
        # Rows end together, so a row's answer is predicted by the positions right before it.
        picked = torch.cat([states[i, -len(row.answer) - 1 : -1] for i, row in enumerate(rows)])
        logits = self.decoder.head(picked).float()
        wanted = torch.tensor([token for row in rows for token in row.answer], device=logits.device)
        return Read(F.cross_entropy(logits, wanted, reduction="none"), logits.argmax(-1) == wanted)

    def loss(self, draw: Draw) -> Loss:
        """Draw a batch; return its loss, the mean over the answers' tokens, and the share of tokens right."""
        told = self.read(self._batch(draw.rng))
        return Loss(told.losses.mean(), means={"accuracy": told.right.float().mean()})
