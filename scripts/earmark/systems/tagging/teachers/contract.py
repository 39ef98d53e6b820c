"""What every kind of teacher has: a module with ``make`` and ``load``, and what these give.

``make(Making) -> Made`` is the rule ``teacher``: it finds, checks or trains the weights. ``load(record,
device) -> Teacher`` is the start of the rule ``logits``. A kind is reached by its name alone:
``<kind>_teacher.py`` in this folder; its options are the model in ``<kind>_options.py``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.records import Clip
from earmark.systems.tagging.classes import Classes

Wave = NDArray[np.float32]


class Teacher(Protocol):
    """Gives logits for clips, in its own order of classes.

    ``sample_rate``: Hz of what it hears; None if it doesn't listen. ``seconds``: the length clips are
    padded or cut to; None if it takes them as they are, those of one length together.
    """

    sample_rate: int | None
    seconds: float | None

    def refuses(self, clip: Clip) -> str:
        """Return the reason (``code (details)``) why it can say nothing of a clip; empty if it can."""

    def logits(self, clips: Sequence[Clip], waves: Sequence[Wave]) -> Tensor:
        """Return float32 [clips, classes] on the CPU; ``waves`` are empty if it doesn't listen."""


@dataclass(frozen=True)
class Making:
    """What a teacher is made ready from: the settings of request.making, the task's classes and files.

    ``tars`` and ``indexes`` are the task's training shards where it is trained; ``folder`` is where
    trained weights go, ``work`` where an interrupted training goes on from.
    """

    settings: dict[str, Any]
    classes: Classes
    tars: Sequence[Path]
    indexes: Sequence[Path]
    folder: Path
    work: Path

    @property
    def where(self) -> str:
        """What error messages call it."""
        return f"teacher '{self.settings['name']}'"

    @property
    def options(self) -> dict[str, Any]:
        """The options of its kind."""
        options: dict[str, Any] = self.settings["options"]
        return options


@dataclass(frozen=True)
class Made:
    """A teacher ready to be loaded.

    ``files`` are its weights or tables, below the record's folder or elsewhere; ``classes`` its own, in
    its order; ``front_end`` says what is done to audio before the network.
    """

    classes: list[str]
    files: list[Path]
    origin: dict[str, Any]
    sample_rate: int | None
    seconds: float | None
    front_end: dict[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    training: dict[str, Any] | None = None


@dataclass(frozen=True)
class Record:
    """What teacher.json holds, and the folder it lies in."""

    content: dict[str, Any]
    folder: Path

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a record and check that its files are the ones it was made of.

        Raises:
            UserError: a file is gone or has changed.

        """
        try:
            content = json.loads(path.read_text())
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
        record = cls(content, path.parent)
        for name, known in content["files"].items():
            file = path.parent / name
            if not file.is_file():
                raise UserError(f"{path} names {file}, which is gone; delete {path} to make it again")
            if sha256(file) != known:
                raise UserError(
                    f"{file} has changed since {path} was made of it; delete {path} to make it again"
                )
        return record

    @property
    def paths(self) -> list[Path]:
        """The files, in the order they were made in."""
        return [self.folder / name for name in self.content["files"]]

    @property
    def digest(self) -> str:
        """What identifies it: weights, front end and order of classes."""
        digest: str = self.content["digest"]
        return digest


def describe(making: Making, made: Made, order: list[int]) -> dict[str, Any]:
    """Return the content of teacher.json; ``order`` maps the task's classes to the teacher's."""
    folder = making.folder.absolute()
    files = {}
    for path in made.files:
        # As it is called, not where links lead: the hub's cache keeps its files under other names.
        place = path.absolute()
        name = place.relative_to(folder).as_posix() if place.is_relative_to(folder) else str(place)
        files[name] = sha256(place)
    what: dict[str, Any] = {
        "kind": making.settings["kind"],
        "options": {k: v for k, v in making.options.items() if k not in ("path", "source")},
        "sample_rate": made.sample_rate,
        "seconds": made.seconds,
        "front_end": made.front_end,
        "order": order,
        "classes_digest": making.classes.digest,
    }
    identity = json.dumps([what, list(files.values())], sort_keys=True)
    return {
        "teacher": making.settings["name"],
        "task": making.settings["task"],
        "labels": making.settings["labels"],
        "digest": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "origin": made.origin,
        "parameters": made.parameters,
        "files": files,
        "classes": made.classes,
        **what,
        "training": made.training,
    }


def module(kind: str) -> Any:
    """Return the module of a kind."""
    return importlib.import_module(f"earmark.systems.tagging.teachers.{kind}_teacher")


def fitted(waves: Sequence[Wave], samples: int | None) -> Tensor:
    """Return waves [batch, samples], padded with silence or cut at the end; None leaves them as they are."""
    if samples is None:
        return torch.from_numpy(np.stack(waves))
    batch = torch.zeros(len(waves), samples)
    for row, wave in zip(batch, waves):
        row[: len(wave)] = torch.from_numpy(wave[:samples])
    return batch


def half(precision: str, device: torch.device, where: str) -> bool:
    """Whether to compute in half precision; raises UserError on a CPU, which is slower and coarser so."""
    if precision == "float16" and device.type != "cuda":
        raise UserError(
            f"{where}: options.precision: float16 needs a GPU, and this runs on the {device.type}"
        )
    return precision == "float16"


def sizes(options: Mapping[str, Any], kind: type[Any]) -> Any:
    """Return a dataclass of the options that are its fields."""
    return kind(**{name: options[name] for name in kind.__dataclass_fields__})
