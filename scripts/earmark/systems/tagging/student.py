"""A student as a whole: built as config says, written to a folder that transformers reads, and read again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from transformers import ASTForAudioClassification

from earmark.core.files import open_to_readers
from earmark.systems.tagging import network, start
from earmark.systems.tagging.architecture import Architecture


def build(
    student: Architecture,
    classes: int | Sequence[str],
    frames: int,
    *,
    kind: str = "multi_label",
    seed: int = 0,
) -> ASTForAudioClassification:
    """Return a student that starts as its ``init`` says; arguments and errors as of `start.begin`."""
    return start.begin(student, classes, frames, kind=kind, seed=seed)[0]


def save(model: ASTForAudioClassification, folder: Path) -> None:
    """Write config.json and model.safetensors as transformers does, each by rename."""
    temporary = folder / ".saving"
    shutil.rmtree(temporary, ignore_errors=True)
    with network.quietly():
        model.save_pretrained(temporary)
    for name in ("model.safetensors", "config.json"):
        open_to_readers(temporary / name)
        (temporary / name).replace(folder / name)
    shutil.rmtree(temporary)


def load(folder: Path) -> ASTForAudioClassification:
    """Read a trained student.

    Raises:
        UserError: the folder holds no student, or a damaged one.

    """
    model, left = network.read(ASTForAudioClassification, folder, "student")
    network.none_left(left, folder, "student")
    return model
