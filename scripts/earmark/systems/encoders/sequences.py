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
    """1 for what is attended to."""
    positions: Tensor
    labels: Tensor
    """Ids of targets, :data:`IGNORED` elsewhere."""

    def embeddings(self, table: torch.nn.Module, dtype: torch.dtype) -> Tensor:
        """Return the input [clips, length, width] of the language model, given its table of embeddings."""
        looked_up: Tensor = table(self.ids).to(dtype)
        return looked_up.masked_scatter(self.heard[..., None], self.audio.to(dtype))

    @property
    def predicting(self) -> tuple[Tensor, Tensor]:
        """The places whose next token is a target's, as rows and columns."""
        rows, columns = (self.labels != IGNORED).nonzero(as_tuple=True)
        return rows, columns - 1

    @property
    def wanted(self) -> Tensor:
        """The ids of all targets, in the order of :attr:`predicting`."""
        return self.labels[self.labels != IGNORED]


def compact(audio: Sequence[Tensor], prompts: Sequence[Ids], targets: Sequence[Ids]) -> Layout:
    """Return a batch without gaps: padding comes last, positions count from 0.

    ``audio`` are the tokens [frames, width] of each clip; ``targets`` end with the token that ends an answer.
    """
    device = audio[0].device
    parts = list(zip(audio, prompts, targets, strict=True))
    length = max(len(heard) + len(prompt) + len(target) for heard, prompt, target in parts)
    ids, mask, labels = _blank(len(parts), length, device)
    places = torch.zeros_like(ids, dtype=torch.bool)
    for row, (heard, prompt, target) in enumerate(parts):
        places[row, : len(heard)] = True
        _text(ids[row], labels[row], len(heard), prompt, target)
        mask[row, : len(heard) + len(prompt) + len(target)] = 1
    return Layout(ids, torch.cat(list(audio)), places, mask, (mask.cumsum(-1) - 1).clamp(min=0), labels)


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
    positions = torch.arange(frames + text, device=audio.device).expand(clips, -1)
    return Layout(ids, audio.reshape(-1, width), places, mask, positions, labels)


def _blank(rows: int, length: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    ids = torch.zeros(rows, length, dtype=torch.long, device=device)
    return ids, torch.zeros_like(ids), torch.full_like(ids, IGNORED)


def _text(ids: Tensor, labels: Tensor, start: int, prompt: Ids, target: Ids) -> None:
    """Write a prompt and its target into a row, from ``start`` on."""
    middle, end = start + len(prompt), start + len(prompt) + len(target)
    ids[start:end] = torch.tensor([*prompt, *target], dtype=torch.long, device=ids.device)
    labels[middle:end] = ids[middle:end]
