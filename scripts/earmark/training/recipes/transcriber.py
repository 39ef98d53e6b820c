"""Train a tiny transcriber: a Qwen2.5-Omni thinker that reads out the words of a recording in order.

As with the listener, nothing is learned end to end from random weights; three stages build it:

    T  text: the language model alone; audio slots hold noisy copies of the words' embeddings, in order
    A  tower: the audio tower alone; its outputs must spell the transcript (CTC) in the words' embeddings
    B  both, end to end on real log-mel, the transcript given (teacher forcing)

Every distinct word of the transcripts is one token, so this is for small vocabularies (digits, commands).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
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
from earmark.training.recipes import thinker
from earmark.training.recipes.crops import FRAMES_PER_SECOND
from earmark.training.recipes.settings import TranscriberSettings
from earmark.training.stage import Draw, Loss

Settings = TranscriberSettings

_LONGEST_VOCABULARY = 1000
_SCALE = 12.0  # of the cosines that CTC reads as logits
_UNSAID = -100  # cross entropy's mark of positions without a loss


@dataclass(frozen=True)
class Utterance:
    """A recording and its words. `mel` is its log-mel, shape [128, frames], 100 frames a second."""

    clip_id: str
    words: tuple[str, ...]
    mel: NDArray[np.float16]

    @property
    def answer(self) -> tuple[str, ...]:
        """What is to be said of it."""
        return self.words


def spelled(text: str) -> list[str]:
    """Return the words that are learnt: lower case, apostrophes kept inside words, other signs left out.

    Not scoring's normaliser, although alike: how transcripts are compared can change without a training.
    """
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    words = re.sub(r"[^\w']|_", " ", unicodedata.normalize("NFC", folded)).split()
    return [word for word in (word.strip("'") for word in words) if word]


def recording(clip: Clip, mel: NDArray[np.float16]) -> Utterance:
    """Return what this recipe takes of a clip and its log-mel [128, frames]."""
    return Utterance(clip.key, tuple(spelled(clip.text)), mel)


def train(
    recordings: Sequence[Utterance], settings: TranscriberSettings, folder: Path, work: Path
) -> thinker.TrainingRecord:
    """Train on the recordings and write the checkpoint.

    Args:
        recordings: with their transcripts; the vocabulary is every word in them.
        settings: the recipe.
        folder: receives the checkpoint, once training is done.
        work: holds the state that an interrupted training continues from.

    Raises:
        UserError: a recording is empty or too short for its transcript, or there are too many words.

    """
    vocabulary = _checked_vocabulary(recordings)
    torch.set_flush_denormal(True)
    checkpoint = tiny.build(vocabulary, [settings.prompt] * 20, settings.sizes, settings.seed)
    recipe = Recipe(checkpoint, recordings, vocabulary, settings)
    return thinker.train(recipe, recordings, vocabulary, settings, folder, work)


class Recipe(thinker.Recipe):
    """The three stages over one model; words are rows of its embedding table, silence is its padding's."""

    def __init__(
        self,
        checkpoint: tiny.Checkpoint,
        recordings: Sequence[Utterance],
        vocabulary: Sequence[str],
        settings: TranscriberSettings,
    ) -> None:
        super().__init__(checkpoint, settings)
        self._recordings, tokenizer = recordings, checkpoint.tokenizer
        self._end_id = int(tokenizer.convert_tokens_to_ids(tiny.TURN_END))
        self._space_ids: list[int] = tokenizer.encode(" ")
        number = {word: index for index, word in enumerate(vocabulary)}
        self._said = [np.array([number[word] for word in clip.words]) for clip in recordings]
        # row 0 is silence, row i + 1 the i-th word: CTC's order
        self._row_ids = torch.tensor(
            [self._pad_id, *map(int, tokenizer.convert_tokens_to_ids(list(vocabulary)))]
        )
        message = [
            {"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": settings.prompt}]}
        ]
        prompt = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        ids: list[int] = tokenizer.encode(prompt)
        slot = ids.index(self._audio_id)
        self._before, self._after = ids[:slot], ids[slot + 1 :]

    def _text_loss(self, draw: Draw) -> Loss:
        """Stage T: read out the words that the audio slots name, silence between them."""
        # short, dense and clean at first: long gaps and noise from the start hide what is to be found
        hardness = float(np.clip(2 * draw.step / self._settings.text_steps - 0.25, 0, 1))
        table = self._embedding(self._row_ids)
        spread = float(table.detach().std())
        slots, said = [], []
        for index in draw.rng.integers(len(self._said), size=self._settings.text_rows):
            words = self._said[index]
            most = max(2, round(len(words) * min(1.0, 0.25 + 1.5 * hardness)))
            start = int(draw.rng.integers(max(1, len(words) - most + 1)))
            words = words[start : start + int(draw.rng.integers(1, most + 1))]
            gaps = draw.rng.integers(0, 2 + round(self._settings.gap_tokens * hardness), size=len(words) + 1)
            lasts = draw.rng.integers(1, 2 + round(2 * hardness), size=len(words))
            row = np.repeat(
                np.stack([np.zeros(len(words), np.int64), words + 1], axis=1).ravel(),
                np.stack([gaps[:-1], lasts], axis=1).ravel(),
            )
            slots.append(np.concatenate([row, np.zeros(gaps[-1], np.int64)]))
            said.append(words)
        audio = table[torch.from_numpy(np.concatenate(slots))]
        noise = torch.from_numpy(draw.rng.standard_normal(audio.shape, dtype=np.float32))
        audio = audio + noise * spread * float(draw.rng.uniform(0, 0.8 * hardness))
        return self._read_out(audio, [len(row) for row in slots], said)

    def _tower_loss(self, draw: Draw) -> Loss:
        """Stage A: CTC over cosines to silence and words (Graves et al., ICML 2006)."""
        audio, lengths, said = self._listen(draw.rng)
        table = self._embedding.weight[self._row_ids].detach()
        scores = _SCALE * F.normalize(audio, dim=-1) @ F.normalize(table, dim=-1).T
        rows = torch.nn.utils.rnn.pad_sequence(scores.split(lengths)).log_softmax(-1)
        loss = F.ctc_loss(
            rows,
            torch.from_numpy(np.concatenate(said) + 1),
            torch.tensor(lengths),
            torch.tensor([len(words) for words in said]),
            zero_infinity=True,
        )
        # same norm as the words, or the language model meets vectors of a size it has never seen
        stretch = audio.norm(dim=-1) / table.norm(dim=-1).mean() - 1
        right = [
            _collapsed(row.argmax(-1)) == (words + 1).tolist()
            for row, words in zip(scores.split(lengths), said)
        ]
        return Loss(loss + 0.2 * stretch.square().mean(), means={"accuracy": float(np.mean(right))})

    def _joint_loss(self, draw: Draw) -> Loss:
        """Stage B: read out real audio."""
        return self._read_out(*self._listen(draw.rng))

    def _listen(self, rng: np.random.Generator) -> tuple[Tensor, list[int], list[NDArray[np.int64]]]:
        """Draw a batch and encode it: embeddings [all rows' tokens, hidden], lengths, words."""
        chosen = rng.integers(len(self._recordings), size=self._settings.audio_rows)
        mels = [self._recordings[index].mel.astype(np.float32) for index in chosen]
        gain = self._settings.gain_db / 40  # 40 dB to a unit of log-mel
        packed = np.concatenate([mel + rng.uniform(-gain, gain) for mel in mels], axis=1).astype(np.float32)
        frames = torch.tensor([mel.shape[1] for mel in mels])
        audio = self._tower(torch.from_numpy(packed), feature_lens=frames).last_hidden_state
        return audio, [audio_tokens(int(n)) for n in frames], [self._said[index] for index in chosen]

    def _read_out(self, audio: Tensor, lengths: Sequence[int], said: Sequence[NDArray[np.int64]]) -> Loss:
        """Loss on the transcript after audio embeddings [all rows' tokens, hidden]."""
        rows, answers = [], []
        for length, words in zip(lengths, said, strict=True):
            answer: list[int] = []
            for token in self._row_ids[torch.from_numpy(words) + 1].tolist():
                answer += [*(self._space_ids if answer else []), token]
            answer.append(self._end_id)
            rows.append([*self._before, *[self._audio_id] * length, *self._after, *answer])
            answers.append(len(answer))
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self._pad_id)
        mask = torch.zeros_like(ids)
        targets = torch.full_like(ids, _UNSAID)
        for index, (row, count) in enumerate(zip(rows, answers, strict=True)):
            ids[index, longest - len(row) :] = torch.tensor(row)
            mask[index, longest - len(row) :] = 1
            targets[index, longest - count - 1 : -1] = torch.tensor(row[-count:])
        states = self._states(ids, mask, audio)
        spoken = targets != _UNSAID
        logits, wanted = self._head(states[spoken]), targets[spoken]
        word = torch.isin(wanted, self._row_ids[1:])
        right = logits[word].argmax(-1) == wanted[word]
        return Loss(F.cross_entropy(logits, wanted), means={"accuracy": float(right.float().mean())})


def _collapsed(best: Tensor) -> list[int]:
    """Return CTC's best path without repeats and blanks."""
    kept = torch.unique_consecutive(best)
    return [int(index) for index in kept if index]


def _checked_vocabulary(recordings: Sequence[Utterance]) -> list[str]:
    """Return every word; refuse what cannot be trained."""
    for clip in recordings:
        if audio_tokens(clip.mel.shape[1]) < 2 * len(clip.words) or not clip.words:
            raise UserError(
                f"recording {clip.clip_id} has {len(clip.words)} words in "
                f"{clip.mel.shape[1] / FRAMES_PER_SECOND:.1f} s, which cannot be; leave it out"
            )
    vocabulary = sorted({word for clip in recordings for word in clip.words})
    if not 2 <= len(vocabulary) <= _LONGEST_VOCABULARY:
        raise UserError(
            f"training needs 2 to {_LONGEST_VOCABULARY} different words, "
            f"the transcripts have {len(vocabulary)}"
        )
    return vocabulary
