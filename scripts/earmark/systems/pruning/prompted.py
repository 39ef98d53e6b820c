"""Clips of a task with their right answers, as prompts of a composed model that studies of it run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from earmark.config.asked import Heard
from earmark.core import devices
from earmark.models.checkpoint import Checkpoint
from earmark.models.composed import Decoder
from earmark.systems.pruning.asked import Heads, Massive
from earmark.training.recipes.composed import Lesson, lessons


class Prompted:
    """A clip's prompt with its right answer, ready to run."""

    def __init__(self, decoder: Decoder, lesson: Lesson, number: int) -> None:
        clip = lesson.clips[number]
        prompt, said = lesson.ask(clip, np.random.default_rng(number))
        audio = decoder.project(lesson.states(clip))
        self.answer = decoder.answer_ids(said)
        self.prompt = decoder.prompt_ids(prompt, lesson.task.prompt.system, len(audio))
        self.decoder, self.name = decoder, clip.clip_id
        ids = torch.tensor([[*self.prompt, *self.answer]], device=decoder.device)
        self.heard = ids == decoder.audio_id
        self.embeddings = decoder.embed(ids, [audio])
        self.mask, self.positions = torch.ones_like(ids), torch.arange(ids.shape[1], device=ids.device)[None]


def opened(
    asked: Heads | Massive,
    tasks: Sequence[Heard],
    model: Checkpoint,
    features: Sequence[Path],
    indexes: Sequence[Path],
    threads: int,
) -> tuple[Decoder, list[Lesson]]:
    """Return a composed model's decoder, and the clips of tasks that it is to be asked.

    Raises:
        UserError: checkpoint or features are damaged or don't fit each other.

    """
    device = devices.prepare(asked.device, threads)
    found = lessons(tasks, features, indexes, model.part("encoder").digest)
    return Decoder(model, str(device), asked.dtype, "sdpa"), found
