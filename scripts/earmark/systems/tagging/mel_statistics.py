"""Mean and deviation of the log-mel cells that a model is trained on, per fold, from the indexes alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.systems.tagging.asked import StatisticsJob
from earmark.systems.tagging.framing import BINS
from earmark.systems.tagging.index import PLACED, entries, usable
from earmark.systems.tagging.normal import Normal
from earmark.systems.tagging.request import WHOLE
from earmark.systems.tagging.splits import TRAIN, roles

COLUMNS = (*PLACED, "cut", "sum", "sum_squares")


@dataclass(frozen=True)
class Statistics:
    """``mean`` and ``std`` over ``clips`` training clips, ``cut`` of which lost their end."""

    mean: float
    std: float
    clips: int
    cut: int

    @classmethod
    def of(
        cls, sums: NDArray[np.float64], squares: NDArray[np.float64], cut: NDArray[np.bool_], frames: int
    ) -> Self:
        """Return the statistics of clips padded to ``frames`` with zeros, as a model sees them.

        Zeros add to the number of cells alone. The deviation is that of the whole, not of a sample.

        Raises:
            UserError: every cell has the same value.

        """
        cells = len(sums) * frames * BINS
        mean = math.fsum(sums) / cells
        variance = math.fsum(squares) / cells - mean**2
        if not variance > 0:
            raise UserError("the training clips are all the same sound: their features have no deviation")
        return cls(mean, math.sqrt(variance), len(sums), int(cut.sum()))


def statistics(indexes: Sequence[Path], tagging: StatisticsJob, seed: int) -> dict[str, Statistics]:
    """Return the statistics of each fold's training clips, ``all`` where the task has no folds.

    Raises:
        UserError: an index is damaged, or a fold can't be made (see :func:`~.splits.roles`).

    """
    rows = pa.concat_tables([usable(path, COLUMNS) for path in indexes])
    sums, squares, cut = (rows[name].to_numpy() for name in ("sum", "sum_squares", "cut"))
    made = {}
    for fold in tagging.folds or [WHOLE]:
        train = roles(entries(rows), tagging, fold, seed)[TRAIN]
        made[fold] = Statistics.of(sums[train], squares[train], cut[train], tagging.frames)
    return made


def write(path: Path, tagging: StatisticsJob, made: Mapping[str, Statistics]) -> None:
    """Write the statistics, or those that the task's section gives, for every fold, marked as given."""
    given = None if tagging.statistics is None else tagging.statistics.plain()
    folds = {fold: given or asdict(made[fold]) for fold in tagging.folds or [WHOLE]}
    write_json(path, {"given": given is not None, "frames": tagging.frames, "folds": folds})


def read(path: Path, fold: str) -> Normal:
    """Return the mean and deviation of a fold; raises UserError if the file has none."""
    try:
        found = json.loads(path.read_text())["folds"][fold]
        return Normal(float(found["mean"]), float(found["std"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} has no statistics of fold '{fold}' ({error}); delete it to make it again"
        ) from None
