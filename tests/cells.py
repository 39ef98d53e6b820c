"""A cell of the grid that is complete, whatever a test says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from earmark.config.load import Load
from earmark.config.projector import Projector
from earmark.systems.pruning.asked import Budgeted, Model, Run, Task
from earmark.systems.pruning.cell import Cell


def cell(method: Mapping[str, Any] | None = None, **task: Any) -> Cell:
    """Return a cell of a tiny model; ``method`` and ``task`` are what is special about it."""
    plain = {"name": "dart", "reducer": "dart", "kind": "tokens", "layer": 2, "options": {}}
    kept = {"reference": False, "keep_ratio": 0.5, "keep_tokens": None}
    return Cell(
        Task.read({"name": "sounds", "balanced_by": "label", "answers": "choice", **task}, "task"),
        Model(
            name="tiny",
            kind="omni",
            dtype="float32",
            attention="sdpa",
            max_audio_s=300,
            load=Load(),
            projector=Projector(),
        ),
        Budgeted.read({**plain, **kept, **(method or {})}, "method"),
        Run(seed=0, device="cpu", batch_audio_s=10, warm_up=0),
        "code",
    )
