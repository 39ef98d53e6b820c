"""What the language model is given: audio, prompt and, in training, target, one after the other.

Nothing stands between them: no template, no separator, no token that begins or ends audio. Specification:
xares_llm, section 1. There are two layouts of a batch. :func:`compact` puts the padding behind everything
and counts positions over what is there, as generation does; :func:`upstream` pads audio first and counts
positions over padding too, as upstream does in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100
CLIP = 1
"""The part of a row that is audio; texts are numbered behind it, and padding is 0."""
Ids = Sequence[int]


@dataclass(frozen=True)
class Layout:
    """A batch [clips, length] before embeddings are looked up."""

    ids: Tensor
    """Of text; 0 where there is audio or padding."""
    audio: Tensor
    """Tokens of audio [places, width], in the order of the places of :attr:`heard`."""
    heard: Tensor
    """Whether a place is of audio."""
    mask: Tensor
    """[clips, length], 1 for what is attended to; or [clips, 1, length, length], whether a place attends to
    another."""
    positions: Tensor
    labels: Tensor
    """Ids of targets, :data:`IGNORED` elsewhere."""
    before: Tensor
    """The place that a place is predicted from."""

    def embeddings(self, table: torch.nn.Module, dtype: torch.dtype) -> Tensor:
        """Return the input [clips, length, width] of the language model, given its table of embeddings."""
        looked_up: Tensor = table(self.ids).to(dtype)
        return looked_up.masked_scatter(self.heard[..., None], self.audio.to(dtype))

    @property
    def predicting(self) -> tuple[Tensor, Tensor]:
        """The places whose next token is a target's, as rows and columns."""
        rows, columns = (self.labels != IGNORED).nonzero(as_tuple=True)
        return rows, self.before[rows, columns]

    @property
    def wanted(self) -> Tensor:
        """The ids of all targets, in the order of :attr:`predicting`."""
        return self.labels[self.labels != IGNORED]


def compact(
    audio: Sequence[Tensor],
    prompts: Sequence[Ids],
    targets: Sequence[Ids],
    about: Sequence[int] | None = None,
) -> Layout:
    """Return a batch without gaps: padding comes last, positions count from 0.

    Args:
        audio: tokens [frames, width] of each clip.
        prompts: what is asked, in each text.
        targets: what is answered; in training it ends with the token that ends an answer.
        about: the clip of each text; None where each has its own. Texts about one clip stand behind it one
            after the other, and each sees the clip and itself: the clip is gone through once, and all else is
            as if every text had a row.

    """
    texts = list(zip(range(len(audio)) if about is None else about, prompts, targets, strict=True))
    ends = [len(heard) for heard in audio]
    for row, prompt, target in texts:
        ends[row] += len(prompt) + len(target)
    ids, parts, labels = _blank(len(audio), max(ends), audio[0].device)
    positions = torch.zeros_like(ids)
    before = _places(ids) - 1
    for row, heard in enumerate(audio):
        ends[row] = len(heard)
        parts[row, : len(heard)] = CLIP
        positions[row, : len(heard)] = torch.arange(len(heard))
    for number, (row, prompt, target) in enumerate(texts, CLIP + 1):
        first, start, end = len(audio[row]), ends[row], ends[row] + len(prompt) + len(target)
        _text(ids[row], labels[row], start, prompt, target)
        parts[row, start:end] = number
        positions[row, start:end] = torch.arange(first, first + end - start)
        before[row, start : start + 1] = first - 1
        ends[row] = end
    mask = (parts > 0).long() if len(texts) == len(audio) else _apart(parts)
    return Layout(ids, torch.cat(list(audio)), parts == CLIP, mask, positions, labels, before)


def _apart(parts: Tensor) -> Tensor:
    """Return which place attends to which: to what stands before it in its own part and in the clip."""
    ones = torch.ones(parts.shape[1], parts.shape[1], dtype=torch.bool, device=parts.device)
    keys = parts[:, None]
    return (ones.tril() & ((keys == parts[..., None]) | (keys == CLIP)))[:, None]


def upstream(audio: Tensor, kept: Tensor | None, prompts: Sequence[Ids], targets: Sequence[Ids]) -> Layout:
    """Return a batch as upstream trains on it: text begins at one place, positions count the gap too.

    ``audio`` are tokens [clips, frames, width] with their padding, ``kept`` the mask of what is none; without
    a mask, padding is attended to.
    """
    clips, frames, width = audio.shape
    text = max(len(prompt) + len(target) for prompt, target in zip(prompts, targets, strict=True))
    ids, mask, labels = _blank(clips, frames + text, audio.device)
    places = torch.zeros_like(ids, dtype=torch.bool)
    places[:, :frames] = True
    mask[:, :frames] = 1 if kept is None else kept.to(mask)
    for row, (prompt, target) in enumerate(zip(prompts, targets, strict=True)):
        _text(ids[row], labels[row], frames, prompt, target)
        mask[row, frames : frames + len(prompt) + len(target)] = 1
    positions = _places(ids)
    return Layout(ids, audio.reshape(-1, width), places, mask, positions, labels, positions - 1)


def _blank(rows: int, length: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    ids = torch.zeros(rows, length, dtype=torch.long, device=device)
    return ids, torch.zeros_like(ids), torch.full_like(ids, IGNORED)


def _places(ids: Tensor) -> Tensor:
    """Return the column of every place."""
    return torch.arange(ids.shape[1], device=ids.device).repeat(len(ids), 1)


def _text(ids: Tensor, labels: Tensor, start: int, prompt: Ids, target: Ids) -> None:
    """Write a prompt and its target into a row, from ``start`` on."""
    middle, end = start + len(prompt), start + len(prompt) + len(target)
    ids[start:end] = torch.tensor([*prompt, *target], dtype=torch.long, device=ids.device)
    labels[middle:end] = ids[middle:end]
