"""From a data set of clips to batches of tensors, in the order of `sampling`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch.utils.data import DataLoader

from earmark.systems.tagging.dataset import Batch, Example, collate
from earmark.systems.tagging.sampling import Pair


class Examples(Protocol):
    """What a training reads of `dataset.Clips`."""

    def __len__(self) -> int: ...

    def __getitem__(self, item: Pair) -> Example: ...

    def label_table(self) -> csr_array:
        """Return the multi-hot labels, [clips, classes]."""


@dataclass(frozen=True)
class Part:
    """Some of the clips, known by their place among ``chosen``: those to train on, or to choose by."""

    clips: Examples
    chosen: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, item: Pair) -> Example:
        return self.clips[int(self.chosen[item[0]]), item[1]]

    def label_table(self) -> csr_array:
        """Return the multi-hot labels, [clips, classes]."""
        return self.clips.label_table()[self.chosen]


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
