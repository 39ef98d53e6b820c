"""Train a tiny listener: a Qwen2.5-Omni thinker that answers multiple-choice questions about audio.

End to end from random weights such a model stays at chance, because neither the lookup of an option's
letter nor the link from sound to word exists yet. Three stages build them one by one:

    T  text lookup: the language model alone; audio slots hold noisy copies of a class name's embedding
    A  tower alignment: the audio tower alone; its pooled output must point at the class name's embedding
    B  both, end to end on real log-mel
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from earmark.errors import UserError
from earmark.models import tiny
from earmark.records import Clip
from earmark.tasks.question import LETTERS, fill, shown
from earmark.training import loop, questions
from earmark.training.crops import FRAMES_PER_SECOND, Cropper, TrainingClip
from earmark.training.settings import ListenerSettings

Settings = ListenerSettings

_FEWEST_ROWS = 2
_PROMPT_TOKENS = 45  # roughly, beside the audio; only decides how many rows are batched
_END_WEIGHT = 0.1  # of the turn's end beside the letter; it is learned within a few steps


@dataclass(frozen=True)
class TrainingRecord:
    """What was trained, on what, and how it went."""

    classes: list[str]
    recordings: int
    recorded_seconds: float
    parameters: int
    settings: dict[str, Any]
    stages: list[loop.StageRecord]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON-ready values."""
        return asdict(self)


def recording(clip: Clip, mel: NDArray[np.float16]) -> TrainingClip:
    """Return what this recipe takes of a clip and its log-mel [128, frames]."""
    return TrainingClip(clip.key, clip.labels[0], mel)


def train(
    recordings: Sequence[TrainingClip], settings: ListenerSettings, folder: Path, work: Path
) -> TrainingRecord:
    """Train on the recordings and write the checkpoint.

    Args:
        recordings: at least one per class and two classes; classes are the sorted labels.
        settings: the recipe.
        folder: receives the checkpoint, once training is done.
        work: holds the state that an interrupted training continues from.

    """
    classes = sorted({clip.label for clip in recordings})
    _check(recordings, classes, settings)
    torch.set_flush_denormal(True)
    names = [shown(label) for label in classes]
    checkpoint = tiny.build(names, _example_prompts(names, settings), settings.sizes, settings.seed)
    recipe = _Recipe(checkpoint, recordings, classes, settings)
    records = loop.run(
        recipe.stages(),
        checkpoint.model,
        seed=settings.seed,
        work=work,
        save_every=settings.save_every,
        fingerprint=_fingerprint(recordings, settings),
    )
    checkpoint.model.eval()
    checkpoint.save(folder)
    return TrainingRecord(
        classes=classes,
        recordings=len(recordings),
        recorded_seconds=sum(clip.mel.shape[1] for clip in recordings) / FRAMES_PER_SECOND,
        parameters=sum(weight.numel() for weight in checkpoint.model.parameters()),
        settings=asdict(settings),
        stages=records,
    )


class _Recipe:
    """The three stages over one model; class names are rows of its embedding table."""

    def __init__(
        self,
        checkpoint: tiny.Checkpoint,
        recordings: Sequence[TrainingClip],
        classes: Sequence[str],
        settings: ListenerSettings,
    ) -> None:
        names = [shown(label) for label in classes]
        tokenizer = checkpoint.tokenizer
        self._settings = settings
        self._tower = checkpoint.model.model.audio_tower
        self._language = checkpoint.model.model.language_model
        self._head = checkpoint.model.lm_head
        self._embedding = checkpoint.model.get_input_embeddings()
        self._pad_id = int(tokenizer.convert_tokens_to_ids(tiny.PAD))
        self._audio_id = int(tokenizer.convert_tokens_to_ids(tiny.AUDIO))
        self._name_ids = torch.tensor([tokenizer.convert_tokens_to_ids(name) for name in names])
        self._asker = questions.Asker(
            tokenizer, names, settings.n_options, settings.question, settings.template
        )
        self._cropper = Cropper(recordings, classes, settings.augmentation)

    def stages(self) -> list[loop.Stage]:
        """Return T, A and B with the parameters each of them trains."""
        chosen = self._settings
        text = [*self._language.parameters(), *self._head.parameters()]
        # the table of begin and end marks is part of the class but not of its forward
        tower = [p for name, p in self._tower.named_parameters() if "bos_eos" not in name]
        return [
            loop.Stage("text", chosen.text_steps, chosen.text_rate, text, self._text_step),
            loop.Stage("tower", chosen.tower_steps, chosen.tower_rate, tower, self._tower_step),
            loop.Stage("joint", chosen.joint_steps, chosen.joint_rate, text + tower, self._joint_step),
        ]

    def _text_step(self, step: int, rng: np.random.Generator) -> tuple[Tensor, float]:
        """Stage T: find the name that most audio slots resemble among the options."""
        # clean at first: with noise from the start the lookup is never found
        hardness = float(np.clip(2.5 * step / self._settings.text_steps - 0.75, 0, 1))
        longest = self._settings.augmentation.clip_s[1] * FRAMES_PER_SECOND / 4
        slots = round(np.exp(rng.uniform(np.log(8), np.log(24) + hardness * np.log(longest / 24))))
        rows = self._rows(slots + _PROMPT_TOKENS, self._settings.text_tokens, self._settings.text_rows)
        labels = rng.integers(len(self._name_ids), size=rows)
        audio = self._pseudo_audio(labels, slots, hardness, rng)
        return self._answer(audio, labels, rng)

    def _pseudo_audio(
        self, labels: np.ndarray, slots: int, hardness: float, rng: np.random.Generator
    ) -> Tensor:
        """Imitate the tower: some slots name the class, fewer name others, the rest is background.

        Returns embeddings, shape [rows, slots, hidden].
        """
        names = self._embedding(self._name_ids)
        spread = float(names.detach().std())
        rows = len(labels)
        purity = rng.uniform(1 - 0.75 * hardness, 1, (rows, 1))
        foreign = (1 - purity) * rng.uniform(0, 0.4, (rows, 1))
        draw = rng.random((rows, slots))
        said = np.where(draw < purity, labels[:, None], rng.integers(len(names), size=(rows, slots)))
        audio = names[torch.from_numpy(said)]
        background = rng.standard_normal((rows, 1, audio.shape[-1]), dtype=np.float32) * spread
        silent = torch.from_numpy(draw >= purity + foreign)
        audio = torch.where(silent[..., None], torch.from_numpy(background), audio)
        noise = rng.standard_normal(audio.shape, dtype=np.float32)
        audio = audio + torch.from_numpy(noise) * spread * float(rng.uniform(0, 1.2 * hardness))
        return audio * float(rng.uniform(1 - 0.5 * hardness, 1 + 0.5 * hardness))

    def _tower_step(self, step: int, rng: np.random.Generator) -> tuple[Tensor, float]:
        """Stage A: the clip's mean cosine to its own name must beat that to the other names."""
        audio, labels = self._listen(rng, self._settings.tower_longest_s)
        names = self._embedding.weight[self._name_ids].detach()
        cosine = F.normalize(audio, dim=-1) @ F.normalize(names, dim=-1).T
        scores = 12 * cosine.mean(dim=1)
        targets = torch.from_numpy(labels)
        # same norm as the names, or the language model meets vectors of a size it has never seen
        stretch = audio.norm(dim=-1) / names.norm(dim=-1).mean() - 1
        loss = F.cross_entropy(scores, targets) + 0.2 * stretch.square().mean()
        return loss, _accuracy(scores, targets)

    def _joint_step(self, step: int, rng: np.random.Generator) -> tuple[Tensor, float]:
        """Stage B: answer the question about real audio."""
        audio, labels = self._listen(rng)
        return self._answer(audio, labels, rng)

    def _listen(self, rng: np.random.Generator, longest_s: float = np.inf) -> tuple[Tensor, np.ndarray]:
        """Draw a batch and encode it: audio embeddings, shape [rows, tokens, hidden], and class numbers."""
        frames = self._cropper.length(rng, longest_s)
        rows = self._rows(audio_tokens(frames), self._settings.audio_tokens, self._settings.audio_rows)
        mel, labels = self._cropper.batch(rows, frames, rng)
        packed = torch.from_numpy(mel).transpose(0, 1).reshape(mel.shape[1], -1)
        lengths = torch.full((rows,), frames)
        encoded = self._tower(packed, feature_lens=lengths).last_hidden_state
        return encoded.view(rows, -1, encoded.shape[-1]), labels

    def _rows(self, length: int, tokens: int, most: int) -> int:
        return int(np.clip(tokens // length, _FEWEST_ROWS, most))

    def _answer(self, audio: Tensor, labels: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, float]:
        """Ask about audio embeddings, shape [rows, tokens, hidden]; loss on letter, turn's end and hints."""
        ids, mask, targets = self._asker.ask(labels.tolist(), audio.shape[1], rng)
        embedded = self._embedding(ids)
        embedded = embedded.masked_scatter((ids == self._audio_id)[..., None], audio)
        # with audio alone the three rotary axes are one: plain positions after the padding
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0).expand(3, -1, -1)
        states = self._language(
            inputs_embeds=embedded, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
        logits = self._head(states[:, -2:])
        loss = F.cross_entropy(logits[:, 0], targets[:, 0])
        loss = loss + _END_WEIGHT * F.cross_entropy(logits[:, 1], targets[:, 1])
        loss = loss + self._settings.hint_weight * self._hint(ids, states, labels, targets[:, 0])
        chosen = self._asker.letters[logits[:, 0, self._asker.letters].argmax(dim=-1)]
        return loss, float((chosen == targets[:, 0]).float().mean())

    def _hint(self, ids: Tensor, states: Tensor, labels: np.ndarray, letters: Tensor) -> Tensor:
        """Loss at the options' names: say the letter at the right one, padding at the others.

        The answer at the end needs two lookups in a row, found late or never when only the end is scored.
        """
        named = torch.isin(ids, self._name_ids)
        named[:, -1] = False  # the answer itself, should a class be called like a letter
        right = self._name_ids[torch.from_numpy(labels)][:, None]
        targets = torch.where(ids == right, letters[:, None], self._pad_id)
        return F.cross_entropy(self._head(states[named]), targets[named])


def audio_tokens(frames: int) -> int:
    """Return how many tokens the tower makes of `frames` mel frames (25 a second)."""
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def _accuracy(scores: Tensor, targets: Tensor) -> float:
    return float((scores.argmax(dim=-1) == targets).float().mean())


def _example_prompts(names: Sequence[str], settings: ListenerSettings) -> list[str]:
    """Write questions that name every class, for the tokenizer to learn from."""
    size = min(settings.n_options, len(names))
    groups = [[names[(start + step) % len(names)] for step in range(size)] for start in range(len(names))]
    return [fill(settings.template, settings.question, group) for group in groups] * 20


def _check(recordings: Sequence[TrainingClip], classes: Sequence[str], settings: ListenerSettings) -> None:
    """Refuse what cannot be trained."""
    for clip in recordings:
        if clip.mel.shape[1] == 0:
            raise UserError(f"recording {clip.clip_id} is empty; leave it out of the training set")
    if len(classes) < 2:
        raise UserError(f"training needs at least two classes, the recordings have {len(classes)}: {classes}")
    if not 2 <= settings.n_options <= len(LETTERS):
        raise UserError(f"n_options must be 2 to {len(LETTERS)}, got {settings.n_options}")
    names = {shown(label) for label in classes}
    if len(names) < len(classes):
        raise UserError("two labels look the same once underscores are shown as spaces; rename one of them")


def _fingerprint(recordings: Sequence[TrainingClip], settings: ListenerSettings) -> str:
    """Return a digest of all that the weights depend on, to tell this training's state from another's."""
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    digest.update(torch.__version__.encode())
    for clip in recordings:
        digest.update(json.dumps([clip.clip_id, clip.label, clip.mel.shape]).encode())
        digest.update(np.ascontiguousarray(clip.mel).data)
    return digest.hexdigest()
