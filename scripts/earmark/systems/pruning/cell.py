"""One cell of the grid: what is asked, and what identifies its rows. Light: nothing heavy is imported."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json, sha256
from earmark.core.given import given
from earmark.systems.pruning.asked import Budgeted, Model, Run, Settings, Task


@dataclass(frozen=True)
class Cell:
    """What was asked: the parts of the config that a job reads, as the rule passes them."""

    task: Task
    model: Model
    method: Budgeted
    run: Run
    code: str

    @classmethod
    def parse(cls, text: str, code: str) -> Cell:
        """Read the rule's settings, JSON or a file of it.

        Raises:
            UserError: it is not JSON or not what the rule passes.

        """
        asked = Settings.read(given(text), "--settings")
        return cls(asked.task, asked.model, asked.method, asked.run, code)

    @property
    def asked(self) -> list[Json]:
        """What was asked, as JSON holds it: task, model, method and run."""
        return [part.plain() for part in (self.task, self.model, self.method, self.run)]

    def bounded(self, window_s: float | None) -> Cell:
        """Return the cell with the longest audio that its model family takes at once, if it has a limit.

        A family that takes no more than it was trained on knows so; config can only lower it. Its encoder
        took what is longer in parts of equal length, which `window` meets exactly; `truncate` keeps the
        beginning of these states, not those of a beginning encoded by itself.
        """
        limit = min(self.model.max_audio_s, window_s or math.inf)
        return replace(self, model=self.model.model_copy(update={"max_audio_s": limit}))

    def digest(self, inputs: Sequence[str]) -> str:
        """Return what identifies this cell's answers: settings, code and inputs."""
        content = json.dumps([*self.asked, self.code, *inputs], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def shares_a_run_with(self, other: Cell) -> bool:
        """Whether both ask the same model the same questions, by different methods."""
        return (self.task, self.model, self.run) == (other.task, other.model, other.run)


def inputs_of(checkpoints: Sequence[Path], indexes: Sequence[Path], encoding: str = "") -> list[str]:
    """Return the digests of what a cell reads: of checkpoints, of every index, of how it is encoded here."""
    found = []
    for path in checkpoints:
        try:
            found.append(str(json.loads(path.read_text())["digest"]))
        except (json.JSONDecodeError, KeyError):
            raise UserError(f"{path} is no record of a checkpoint; delete it to make it again") from None
    settings = [json.dumps(given(encoding), sort_keys=True)] if encoding else []
    return [*found, *settings, *(sha256(path) for path in indexes)]
