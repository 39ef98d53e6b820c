"""Curves of a training for TensorBoard, beside its record."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Curves:
    """Writes scalars, if there is a folder; what a killed training wrote beyond ``step`` is hidden."""

    def __init__(self, folder: Path | None, step: int) -> None:
        """Open the folder; a training from its start removes what another one left there."""
        self._writer: Any = None
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            if step == 0:
                shutil.rmtree(folder, ignore_errors=True)
            self._writer = SummaryWriter(str(folder), purge_step=step or None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def step(self, step: int, loss: float, rate: float) -> None:
        """Write a step's loss and learning rate."""
        if self._writer is not None:
            self._writer.add_scalar("train/loss", loss, step)
            self._writer.add_scalar("train/rate", rate, step)

    def epoch(self, step: int, entry: Mapping[str, Any]) -> None:
        """Write an epoch's mean loss and its validation."""
        if self._writer is not None:
            self._writer.add_scalar("train/epoch_loss", entry["loss"], step)
            for name in ("mAP", "mAUC", "accuracy"):
                if name in entry:
                    self._writer.add_scalar(f"validation/{name}", entry[name], step)
            self._writer.flush()

    @staticmethod
    def shown(entry: Mapping[str, Any]) -> dict[str, str]:
        """Return what the progress bar shows of an epoch."""
        return {name: f"{entry[name]:.3f}" for name in ("loss", "mAP", "accuracy") if name in entry}
