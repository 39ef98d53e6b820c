"""What an interrupted training goes on from: a folder of accelerate's state, replaced as a whole.

The folder is written under another name and takes its own by one rename, so a kill at any moment, or a full
disk, leaves the older state or the newer one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from earmark.core.files import Json, check_space
from earmark.training.averaging import Weights

_PROGRESS = "progress.json"
_KEPT = "kept.safetensors"
_SAVING = ".saving"


@dataclass
class StageRecord:
    """How far a stage is, and how it went.

    ``loss`` and ``means`` are running means over the last steps, ``curve`` their course as
    (step, loss, *means). ``totals`` are sums over all steps and processes: ``items`` and the recipe's own
    counts. ``epoch_loss`` and ``epoch_items`` are sums over the running epoch. ``epochs`` holds the number,
    mean loss, rate and validation of each; ``kept`` counts the epochs whose weights were chosen or averaged,
    and ``best`` is the last of them.
    """

    name: str
    steps: int = 0
    loss: float = 0.0
    means: dict[str, float] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    epoch_loss: float = 0.0
    epoch_items: float = 0.0
    epochs: list[Json] = field(default_factory=list)
    kept: int = 0
    best: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    waited_s: float = 0.0
    validation_s: float = 0.0
    curve: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class Saved:
    """A state found on disk: its folder, the stages so far, and the weights kept of the last one."""

    folder: Path
    records: list[StageRecord]
    kept: Weights | None


@dataclass(frozen=True)
class Store:
    """The folder of a training's states; ``fingerprint`` says which training they are of."""

    folder: Path
    fingerprint: str

    def load(self) -> Saved | None:
        """Return the state of this training, or None if there is none."""
        for folder in self._states():
            content = json.loads((folder / _PROGRESS).read_text())
            if content["fingerprint"] == self.fingerprint:
                records = [StageRecord(**record) for record in content["records"]]
                kept = folder / _KEPT
                return Saved(folder, records, load_file(kept) if kept.exists() else None)
        return None

    def save(self, accelerator: Accelerator, records: Sequence[StageRecord], kept: Weights | None) -> None:
        """Write the state and forget older ones; every process calls this.

        Raises:
            OSError: no space is left on the disk.

        """
        partial = self.folder / _SAVING
        main = accelerator.is_main_process
        if main:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        accelerator.wait_for_everyone()
        try:
            accelerator.save_state(str(partial))
            accelerator.wait_for_everyone()
            if main:
                if kept is not None:
                    save_file(kept, partial / _KEPT)
                content = {
                    "fingerprint": self.fingerprint,
                    "records": [asdict(record) for record in records],
                }
                (partial / _PROGRESS).write_text(json.dumps(content))
                _sync(partial)
        except (OSError, RuntimeError, SafetensorError) as error:
            # torch's and safetensors' writers say in words of their own that a disk is full
            check_space(partial, error)
            raise
        if main:
            older = self._states()
            state = self.folder / f"step-{sum(record.steps for record in records):09d}"
            if state in older:  # of another training
                shutil.rmtree(state)
            partial.replace(state)
            _sync_folder(self.folder)
            for folder in older:
                shutil.rmtree(folder, ignore_errors=True)
        accelerator.wait_for_everyone()

    def _states(self) -> list[Path]:
        """Return the folders of states, the newest first."""
        return sorted(self.folder.glob("step-*"), reverse=True)


def clear(folder: Path) -> None:
    """Forget every state in a folder."""
    for path in (folder / _SAVING, *folder.glob("step-*")):
        shutil.rmtree(path, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Bring the files of a folder to the disk."""
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
