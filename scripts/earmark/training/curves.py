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

    def write(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """Write the values of a step, each as the curve ``group/name``."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def flush(self) -> None:
        """Bring to disk what was written so far."""
        if self._writer is not None:
            self._writer.flush()
