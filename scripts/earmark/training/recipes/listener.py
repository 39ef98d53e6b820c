"""Train a tiny listener: a Qwen2.5-Omni thinker that answers multiple-choice questions about audio.

End to end from random weights such a model stays at chance, because neither the lookup of an option's
letter nor the link from sound to word exists yet. Three stages build them one by one:

    T  text lookup: the language model alone; audio slots hold noisy copies of a class name's embedding
    A  tower alignment: the audio tower alone; its pooled output must point at the class name's embedding
    B  both, end to end on real log-mel
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.models import tiny
from earmark.models.lengths import audio_tokens
from earmark.scoring.question import LETTERS, fill, shown
from earmark.training.recipes import questions, thinker
from earmark.training.recipes.crops import FRAMES_PER_SECOND, Cropper, TrainingClip
from earmark.training.recipes.settings import ListenerSettings
from earmark.training.stage import Draw, Loss

Settings = ListenerSettings

_FEWEST_ROWS = 2
_PROMPT_TOKENS = 45  # roughly, beside the audio; only decides how many rows are batched
_END_WEIGHT = 0.1  # of the turn's end beside the letter; it is learned within a few steps


def recording(clip: Clip, mel: NDArray[np.float16]) -> TrainingClip:
    """Return what this recipe takes of a clip and its log-mel [128, frames]."""
    return TrainingClip(clip.key, clip.labels[0], mel)


def train(
    recordings: Sequence[TrainingClip], settings: ListenerSettings, folder: Path, work: Path
) -> thinker.TrainingRecord:
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
    return thinker.train(recipe, recordings, classes, settings, folder, work)


class _Recipe(thinker.Recipe):
    """The three stages over one model; class names are rows of its embedding table."""

    def __init__(
        self,
        checkpoint: tiny.Checkpoint,
        recordings: Sequence[TrainingClip],
        classes: Sequence[str],
        settings: ListenerSettings,
    ) -> None:
        super().__init__(checkpoint, settings)
        names, tokenizer = [shown(label) for label in classes], checkpoint.tokenizer
        self._name_ids = torch.tensor([tokenizer.convert_tokens_to_ids(name) for name in names])
        self._asker = questions.Asker(
            tokenizer, names, settings.n_options, settings.question, settings.template
        )
        self._cropper = Cropper(recordings, classes, settings.augmentation)

    def _text_loss(self, draw: Draw) -> Loss:
        """Stage T: find the name that most audio slots resemble among the options."""
        # clean at first: with noise from the start the lookup is never found
        hardness = float(np.clip(2.5 * draw.step / self._settings.text_steps - 0.75, 0, 1))
        longest = self._settings.augmentation.clip_s[1] * FRAMES_PER_SECOND / 4
        slots = round(np.exp(draw.rng.uniform(np.log(8), np.log(24) + hardness * np.log(longest / 24))))
        rows = self._rows(slots + _PROMPT_TOKENS, self._settings.text_tokens, self._settings.text_rows)
        labels = draw.rng.integers(len(self._name_ids), size=rows)
        audio = self._pseudo_audio(labels, slots, hardness, draw.rng)
        return self._answer(audio, labels, draw.rng)

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

    def _tower_loss(self, draw: Draw) -> Loss:
        """Stage A: the clip's mean cosine to its own name must beat that to the other names."""
        audio, labels = self._listen(draw.rng, self._settings.tower_longest_s)
        names = self._embedding.weight[self._name_ids].detach()
        cosine = F.normalize(audio, dim=-1) @ F.normalize(names, dim=-1).T
        scores = 12 * cosine.mean(dim=1)
        targets = torch.from_numpy(labels)
        # same norm as the names, or the language model meets vectors of a size it has never seen
        stretch = audio.norm(dim=-1) / names.norm(dim=-1).mean() - 1
        loss = F.cross_entropy(scores, targets) + 0.2 * stretch.square().mean()
        return Loss(loss, means={"accuracy": _accuracy(scores, targets)})

    def _joint_loss(self, draw: Draw) -> Loss:
        """Stage B: answer the question about real audio."""
        audio, labels = self._listen(draw.rng)
        return self._answer(audio, labels, draw.rng)

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

    def _answer(self, audio: Tensor, labels: np.ndarray, rng: np.random.Generator) -> Loss:
        """Ask about audio embeddings, shape [rows, tokens, hidden]; loss on letter, turn's end and hints."""
        ids, mask, targets = self._asker.ask(labels.tolist(), audio.shape[1], rng)
        states = self._states(ids, mask, audio)
        logits = self._head(states[:, -2:])
        loss = F.cross_entropy(logits[:, 0], targets[:, 0])
        loss = loss + _END_WEIGHT * F.cross_entropy(logits[:, 1], targets[:, 1])
        loss = loss + self._settings.hint_weight * self._hint(ids, states, labels, targets[:, 0])
        chosen = self._asker.letters[logits[:, 0, self._asker.letters].argmax(dim=-1)]
        return Loss(loss, means={"accuracy": float((chosen == targets[:, 0]).float().mean())})

    def _hint(self, ids: Tensor, states: Tensor, labels: np.ndarray, letters: Tensor) -> Tensor:
        """Loss at the options' names: say the letter at the right one, padding at the others.

        The answer at the end needs two lookups in a row, found late or never when only the end is scored.
        """
        named = torch.isin(ids, self._name_ids)
        named[:, -1] = False  # the answer itself, should a class be called like a letter
        right = self._name_ids[torch.from_numpy(labels)][:, None]
        targets = torch.where(ids == right, letters[:, None], self._pad_id)
        return F.cross_entropy(self._head(states[named]), targets[named])


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
