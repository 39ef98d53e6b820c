"""What the recipes for a tiny thinker share: three stages over one model, its files and its record.

End to end from random weights such a model stays at chance, so every recipe builds it in stages:

    T  text: the language model alone; audio slots hold noisy copies of word embeddings
    A  tower: the audio tower alone; its outputs must point at these embeddings
    B  both, end to end on real log-mel
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.core.files import Json
from earmark.models import ragged, tiny
from earmark.training import engine
from earmark.training.recipes.crops import FRAMES_PER_SECOND
from earmark.training.schedule import linear
from earmark.training.stage import Draw, Loss, Stage
from earmark.training.state import StageRecord


class Recorded(Protocol):
    """A recording to learn from: its log-mel [128, frames], and what is to be said of it."""

    @property
    def clip_id(self) -> str:
        """Its name."""

    @property
    def mel(self) -> NDArray[np.float16]:
        """Its log-mel, shape [128, frames], 100 frames a second."""

    @property
    def answer(self) -> str | Sequence[str]:
        """Its class, or its words."""


class Common(Protocol):
    """The settings that every recipe has, in a dataclass."""

    seed: int
    save_every: int
    text_steps: int
    tower_steps: int
    joint_steps: int
    text_rate: float
    tower_rate: float
    joint_rate: float


@dataclass(frozen=True)
class TrainingRecord:
    """What was trained, on what, and how it went."""

    classes: list[str]
    recordings: int
    recorded_seconds: float
    parameters: int
    settings: Json
    stages: list[StageRecord]

    def to_dict(self) -> Json:
        """Return the record as plain JSON-ready values."""
        return asdict(self)


class Recipe(ABC):
    """Three stages over one model."""

    def __init__(self, checkpoint: tiny.Checkpoint, settings: Any) -> None:
        convert = checkpoint.tokenizer.convert_tokens_to_ids
        self.checkpoint = checkpoint
        self._settings = settings
        self._tower = checkpoint.model.model.audio_tower
        self._language = checkpoint.model.model.language_model
        self._language.config._attn_implementation = ragged.NAME
        self._head = checkpoint.model.lm_head
        self._embedding = checkpoint.model.get_input_embeddings()
        self._pad_id, self._audio_id = int(convert(tiny.PAD)), int(convert(tiny.AUDIO))

    def stages(self) -> list[Stage]:
        """Return T, A and B with the parameters each of them trains."""
        chosen: Common = self._settings
        text = [*self._language.parameters(), *self._head.parameters()]
        # the table of begin and end marks is part of the class but not of its forward
        tower = [p for name, p in self._tower.named_parameters() if "bos_eos" not in name]
        return [
            _stage("text", chosen.text_steps, chosen.text_rate, text, self._text_loss),
            _stage("tower", chosen.tower_steps, chosen.tower_rate, tower, self._tower_loss),
            _stage("joint", chosen.joint_steps, chosen.joint_rate, text + tower, self._joint_loss),
        ]

    @abstractmethod
    def _text_loss(self, draw: Draw) -> Loss:
        """Stage T: return the mean loss and accuracy of a batch."""

    @abstractmethod
    def _tower_loss(self, draw: Draw) -> Loss:
        """Stage A: return the mean loss and accuracy of a batch."""

    @abstractmethod
    def _joint_loss(self, draw: Draw) -> Loss:
        """Stage B: return the mean loss and accuracy of a batch."""

    def _states(self, ids: Tensor, mask: Tensor, audio: Tensor) -> Tensor:
        """Return the language model's states [rows, length, hidden]; audio embeddings go into their slots.

        Where ``mask`` is 0 there is padding, of which nothing is computed.
        """
        there = mask.bool()
        even = bool(there.all())
        rows = ids if even else ids[there][None]
        embedded = self._embedding(rows).masked_scatter((rows == self._audio_id)[..., None], audio)
        # with audio alone the three rotary axes are one: plain positions after the padding
        positions = (mask.cumsum(dim=1) - 1)[there].view(rows.shape).expand(3, -1, -1)
        states: Tensor = self._language(
            inputs_embeds=embedded,
            attention_mask=ragged.UNMASKED,
            position_ids=positions,
            use_cache=False,
            lengths=None if even else mask.sum(dim=1).tolist(),
        ).last_hidden_state
        if even:
            return states
        return states.new_zeros(*ids.shape, states.shape[-1]).masked_scatter(there[..., None], states)


def _stage(
    name: str, steps: int, rate: float, weights: list[nn.Parameter], loss: Callable[[Draw], Loss]
) -> Stage:
    optimiser = torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.98), weight_decay=0.02)
    return Stage(name, steps, optimiser, loss, schedule=linear(steps))


def train(
    recipe: Recipe, recordings: Sequence[Recorded], names: list[str], settings: Any, folder: Path, work: Path
) -> TrainingRecord:
    """Run a recipe's stages and write the checkpoint.

    ``names`` are the classes or words it can say; ``folder`` receives the checkpoint, once training is
    done; ``work`` holds the state that an interrupted training continues from.
    """
    model = recipe.checkpoint.model
    records = engine.train(
        recipe.stages(),
        model,
        Accelerator(cpu=True),
        seed=settings.seed,
        work=work,
        save_every=settings.save_every,
        fingerprint=_fingerprint(recordings, settings),
    )
    model.eval()
    recipe.checkpoint.save(folder)
    return TrainingRecord(
        classes=names,
        recordings=len(recordings),
        recorded_seconds=sum(clip.mel.shape[1] for clip in recordings) / FRAMES_PER_SECOND,
        parameters=sum(weight.numel() for weight in model.parameters()),
        settings=asdict(settings),
        stages=records,
    )


def _fingerprint(recordings: Sequence[Recorded], settings: Any) -> str:
    """Return a digest of all that the weights depend on, to tell this training's state from another's."""
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    digest.update(torch.__version__.encode())
    for clip in recordings:
        digest.update(json.dumps([clip.clip_id, clip.answer, clip.mel.shape]).encode())
        digest.update(np.ascontiguousarray(clip.mel).data)
    return digest.hexdigest()
