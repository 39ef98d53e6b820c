"""From a data set of clips to batches of tensors, in the order of `sampling`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from earmark.tagging.sampling import Pair


class Example(Protocol):
    """One clip as the student hears it; see `dataset.Example`."""

    clip_id: str
    features: Tensor
    target: Tensor
    soft: Tensor | None
    has_soft: bool
    mixed: bool


class Examples(Protocol):
    """Clips to train on or to choose a checkpoint by; see `dataset.Clips`."""

    @property
    def labels(self) -> Tensor:
        """Multi-hot float32 [clips, classes]."""

    @property
    def clip_ids(self) -> Sequence[str]:
        """The clips' ids."""

    def __len__(self) -> int: ...

    def __getitem__(self, pair: Pair) -> Any: ...


@dataclass(frozen=True)
class Batch:
    """Clips together.

    ``features`` [batch, frames, 128]; ``target`` and ``soft`` [batch, classes], zeros where ``has_soft``
    [batch] is False; ``mixed`` is how many are mixed with another clip.
    """

    features: Tensor
    target: Tensor
    soft: Tensor
    has_soft: Tensor
    mixed: int

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        tensors = (self.features, self.target, self.soft, self.has_soft)
        features, target, soft, has_soft = (tensor.to(device, non_blocking=True) for tensor in tensors)
        return Batch(features, target, soft, has_soft, self.mixed)


def collate(examples: Sequence[Example]) -> Batch:
    """Return a batch of examples."""
    target = torch.stack([example.target for example in examples])
    nothing = torch.zeros_like(target[0])
    return Batch(
        torch.stack([example.features for example in examples]),
        target,
        torch.stack([nothing if example.soft is None else example.soft for example in examples]),
        torch.tensor([example.has_soft for example in examples]),
        sum(example.mixed for example in examples),
    )


def batches(
    examples: Examples, pairs: Iterable[list[Pair]], workers: int, *, pinned: bool = False
) -> Iterator[Batch]:
    """Return an iterator over batches, loaded ahead by ``workers`` processes, or by this one if 0."""
    return iter(
        DataLoader(
            examples,  # type: ignore[arg-type]
            batch_sampler=pairs,
            collate_fn=collate,
            num_workers=workers,
            pin_memory=pinned,
            # Seeds the workers' own generators, which nothing draws from; else it is the global one that is.
            generator=torch.Generator(),
        )
    )
