"""What every kind of teacher has: a module with ``make`` and ``load``, and what these give.

``make(Making) -> Made`` is the rule ``teacher``: it finds, checks or trains the weights. ``load(record,
device) -> Teacher`` is the start of the rule ``logits``. A kind is reached by its name alone:
``<kind>_teacher.py`` in this folder; its options are the model in ``<kind>_options.py``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import Json, sha256
from earmark.core.records import Clip
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.teachers.asked import TeacherJob

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Wave = NDArray[np.float32]


T = TypeVar("T", bound="DataclassInstance")


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


class Kind(Protocol):
    """The module of a kind of teachers."""

    def make(self, making: Making) -> Made:
        """Find, check or train the weights."""

    def load(self, record: Record, device: torch.device) -> Teacher:
        """Return the teacher of a record."""


@dataclass(frozen=True)
class Making:
    """What a teacher is made ready from: what is asked for, the task's classes and files.

    ``tars`` and ``indexes`` are the task's training shards where it is trained; ``folder`` is where
    trained weights go, ``work`` where an interrupted training goes on from.
    """

    asked: TeacherJob
    classes: Classes
    tars: Sequence[Path]
    indexes: Sequence[Path]
    folder: Path
    work: Path

    @property
    def where(self) -> str:
        """What error messages call it."""
        return f"teacher '{self.asked.name}'"


@dataclass(frozen=True)
class Made:
    """A teacher ready to be loaded.

    ``files`` are its weights or tables, below the record's folder or elsewhere; ``classes`` its own, in
    its order; ``front_end`` says what is done to audio before the network.
    """

    classes: list[str]
    files: list[Path]
    origin: Json
    sample_rate: int | None
    seconds: float | None
    front_end: Json = field(default_factory=dict)
    parameters: int | None = None
    training: Json | None = None


@dataclass(frozen=True)
class Record:
    """What teacher.json holds, as far as it is read again, and the folder it lies in.

    ``digest`` identifies it: weights, front end and order of classes. ``files`` are their SHA-256 by name, in
    the order they were made in. ``order`` maps the task's classes to its own.
    """

    teacher: str
    digest: str
    origin: Json
    files: dict[str, str]
    classes: list[str]
    options: Json
    sample_rate: int | None
    seconds: float | None
    front_end: Json
    order: list[int]
    classes_digest: str
    folder: Path

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a record and check that its files are the ones it was made of.

        Raises:
            UserError: it is damaged, or a file is gone or has changed.

        """
        try:
            content = json.loads(path.read_text())
            read = {each.name: content[each.name] for each in fields(cls) if each.name != "folder"}
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
        record = cls(**read, folder=path.parent)
        for name, known in record.files.items():
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
        return [self.folder / name for name in self.files]

    @property
    def where(self) -> str:
        """What error messages call it."""
        return f"teacher '{self.teacher}'"


def describe(making: Making, made: Made, order: list[int]) -> Json:
    """Return the content of teacher.json; ``order`` maps the task's classes to the teacher's."""
    folder = making.folder.absolute()
    files = {}
    for path in made.files:
        # As it is called, not where links lead: the hub's cache keeps its files under other names.
        place = path.absolute()
        name = place.relative_to(folder).as_posix() if place.is_relative_to(folder) else str(place)
        files[name] = sha256(place)
    asked = making.asked
    what: Json = {
        "kind": asked.kind,
        "options": {k: v for k, v in asked.options.items() if k not in ("path", "source")},
        "sample_rate": made.sample_rate,
        "seconds": made.seconds,
        "front_end": made.front_end,
        "order": order,
        "classes_digest": making.classes.digest,
    }
    identity = json.dumps([what, list(files.values())], sort_keys=True)
    return {
        "teacher": asked.name,
        "task": asked.task,
        "labels": asked.labels,
        "digest": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "origin": made.origin,
        "parameters": made.parameters,
        "files": files,
        "classes": made.classes,
        **what,
        "training": made.training,
    }


def module(kind: str) -> Kind:
    """Return the module of a kind."""
    return cast(Kind, importlib.import_module(f"earmark.systems.tagging.teachers.{kind}_teacher"))


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


def cut(options: Json, kind: type[T]) -> T:
    """Return a dataclass of the options that are its fields."""
    return kind(**{each.name: options[each.name] for each in fields(kind)})
