"""Multiple-choice questions about a clip's class, as texts and as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from earmark.models.tiny import AUDIO, TURN_END
from earmark.scoring.question import LETTERS, fill

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

QUESTION = "What is heard?"
TEMPLATE = "{question}\n{options}\nAnswer with the letter only."
_MOST_KNOWN = 10_000  # prompts whose ids are held


class Asker:
    """Writes questions with shuffled options and turns them into left-padded ids.

    `names` are all classes as shown; a question offers `options` of them, or all where there are fewer.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        names: Sequence[str],
        options: int,
        question: str,
        template: str,
    ) -> None:
        self._tokenizer = tokenizer
        self._names = list(names)
        self._options = min(options, len(names))
        self._question, self._template = question, template
        self._audio = int(tokenizer.convert_tokens_to_ids(AUDIO))
        self._end = int(tokenizer.convert_tokens_to_ids(TURN_END))
        # Eight classes make 1,680 ways to offer four of them, and a training asks ten thousand times.
        self._written = lru_cache(_MOST_KNOWN)(self._write)
        # [options]: token ids of the letters
        self.letters = torch.tensor([tokenizer.encode(letter)[0] for letter in LETTERS[: self._options]])

    def pick(self, label: int, rng: np.random.Generator) -> tuple[list[int], int]:
        """Draw the classes offered, in order, and the place of the right one."""
        others = [index for index in range(len(self._names)) if index != label]
        offered = rng.permutation(others)[: self._options - 1].tolist()
        place = int(rng.integers(self._options))
        offered.insert(place, label)
        return offered, place

    def ask(
        self, labels: Sequence[int], audio_tokens: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Write one question per label, followed by its answer.

        Returns ids, shape [rows, length], left-padded: prompt with `audio_tokens` audio slots, then the
        letter; the mask of the same shape; targets, shape [rows, 2]: the letter, and the end of the turn
        that follows it.
        """
        rows: list[list[int]] = []
        places: list[int] = []
        for label in labels:
            offered, place = self.pick(int(label), rng)
            rows.append(self._prompt(offered, audio_tokens))
            places.append(place)
        letters = self.letters[torch.tensor(places)]
        targets = torch.stack([letters, torch.full_like(letters, self._end)], dim=1)
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest + 1), int(self._tokenizer.pad_token_id or 0))
        mask = torch.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, longest - len(row) : longest] = torch.tensor(row)
            mask[index, longest - len(row) :] = 1
        ids[:, -1] = letters
        return ids, mask, targets

    def _prompt(self, offered: Sequence[int], audio_tokens: int) -> list[int]:
        """Return a prompt's ids with its audio slot repeated."""
        ids = self._written(tuple(offered))
        slot = ids.index(self._audio)
        return ids[:slot] + [self._audio] * audio_tokens + ids[slot + 1 :]

    def _write(self, offered: tuple[int, ...]) -> list[int]:
        """Return a prompt's ids with one audio slot."""
        options = [self._names[index] for index in offered]
        question = {"type": "text", "text": fill(self._template, self._question, options)}
        messages = [{"role": "user", "content": [{"type": "audio"}, question]}]
        prompt = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids: list[int] = self._tokenizer.encode(prompt)
        return ids
