"""What an interrupted training goes on from: one state file, and the weights of single epochs beside it.

The state is replaced by rename and names the epochs whose weights belong to it, so that a kill at any moment
leaves a state whose files are there. It is read by whatever number of processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from earmark.core.files import replacing


@dataclass
class Progress:
    """How far a training is.

    ``step`` counts steps taken; ``loss`` and ``clips`` are sums over the running epoch, the counts and
    times sums over all. ``best`` is the epoch of the best validation so far, ``averaged`` the last epoch
    that is in the sum of weights.
    """

    step: int = 0
    loss: float = 0.0
    clips: int = 0
    drawn: int = 0
    mixed: int = 0
    without_teacher: int = 0
    train_s: float = 0.0
    waited_s: float = 0.0
    validation_s: float = 0.0
    best: int = 0
    averaged: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Store:
    """The folder of a training's state; ``fingerprint`` says which training it is of."""

    folder: Path
    fingerprint: str

    def save(self, progress: Progress, **parts: Any) -> None:
        """Write the state, then forget the weights of epochs it doesn't name."""
        state = {"fingerprint": self.fingerprint, "progress": asdict(progress), **parts}
        with replacing(self.folder / "state.pt") as partial:
            torch.save(state, partial)
        kept = {self._weights("best", progress.best), self._weights("sum", progress.averaged)}
        for path in self.folder.glob("*.safetensors"):
            if path not in kept:
                path.unlink()

    def load(self) -> tuple[Progress, dict[str, Any]] | None:
        """Read the state; None if there is none of this training."""
        path = self.folder / "state.pt"
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        if state["fingerprint"] != self.fingerprint:
            return None
        return Progress(**state["progress"]), state

    def write_weights(self, what: str, epoch: int, weights: Mapping[str, Tensor]) -> None:
        """Write weights of an epoch: ``best`` or ``sum``."""
        with replacing(self._weights(what, epoch)) as partial:
            save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, partial)

    def read_weights(self, what: str, epoch: int) -> dict[str, Tensor]:
        """Read weights of an epoch."""
        return load_file(self._weights(what, epoch))

    def clear(self) -> None:
        """Forget everything."""
        for path in (self.folder / "state.pt", *self.folder.glob("*.safetensors")):
            path.unlink(missing_ok=True)

    def _weights(self, what: str, epoch: int) -> Path:
        return self.folder / f"{what}-{epoch}.safetensors"
