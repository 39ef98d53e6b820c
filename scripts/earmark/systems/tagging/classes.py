"""The classes of a tagging task, in order, and the check of its clips' labels against them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import UserError, nearest
from earmark.core.files import write_json
from earmark.core.records import WANTED, Clip
from earmark.data.sources.youtube import read_classes
from earmark.systems.tagging.asked import ClassesJob

MULTI_LABEL, SINGLE_LABEL = "multi_label", "single_label"


@dataclass(frozen=True)
class Classes:
    """The classes of a task; ``codes`` are what the source calls them (AudioSet's mids), or empty.

    ``kind`` is multi_label or single_label.
    """

    names: tuple[str, ...]
    codes: tuple[str, ...]
    kind: str

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of the names in their order: two class lists agree if these do."""
        return digest(self.names)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def index(self, label: str) -> int:
        """Return the place of a label; raises UserError with the nearest class if it is none."""
        if label not in self._places:
            raise UserError(f"label '{label}' is not among the classes; {nearest(label, self.names)}")
        return self._places[label]

    def multi_hot(self, labels: Iterable[str]) -> NDArray[np.float32]:
        """Return [classes] with 1 at every label; raises UserError for a label that is no class."""
        hot = np.zeros(len(self), dtype=np.float32)
        for label in labels:
            hot[self.index(label)] = 1
        return hot

    def write(self, path: Path) -> None:
        """Write the classes as JSON."""
        listed = [{"name": name, "code": code} for name, code in zip(self.names, self.codes, strict=True)]
        write_json(path, {"kind": self.kind, "digest": self.digest, "classes": listed})

    @classmethod
    def read(cls, path: Path) -> Classes:
        """Read what :meth:`write` wrote; raises UserError if it is something else."""
        try:
            content = json.loads(path.read_text())
            rows = content["classes"]
            read = cls(tuple(r["name"] for r in rows), tuple(r["code"] for r in rows), content["kind"])
            if read.digest != content["digest"]:
                raise ValueError("names and digest disagree")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
        return read


def digest(names: Sequence[str]) -> str:
    """Return the SHA-256 of a list of class names, order included."""
    return hashlib.sha256(json.dumps(list(names), ensure_ascii=False).encode()).hexdigest()


def of_task(task: str, tagging: ClassesJob, listed: Path | None, clips: Iterable[Clip]) -> Classes:
    """Return a task's classes: those config names, else the source's list, else all labels, sorted.

    Every usable clip is held against them, and against the folds, so that a mistake shows before
    anything is computed. ``listed`` is the source's CSV with columns ``mid`` and ``display_name``.

    Raises:
        UserError: a label is no class, a clip of a single-label task has not exactly one label, a
            fold has no clip, or there are fewer than two classes.

    """
    where = f"task '{task}': tagging"
    codes: dict[str, str] = {}
    if tagging.classes is not None:
        codes = dict.fromkeys(tagging.classes, "")
    elif listed is not None:
        codes = {name: code for code, name in read_classes(listed).items()}
    labels: dict[str, None] = {}
    groups: Counter[str] = Counter()
    for clip in clips:
        if not clip.ok and clip.status != WANTED:
            continue
        groups[clip.group] += 1
        if tagging.kind == SINGLE_LABEL and len(clip.labels) != 1:
            raise UserError(
                f"{where}.kind: single_label, but clip '{clip.clip_id}' has {len(clip.labels)} labels "
                f"({', '.join(clip.labels[:4])}); set kind to multi_label or mend the labels"
            )
        for label in clip.labels:
            if codes and label not in codes:
                raise UserError(
                    f"{where}.classes: clip '{clip.clip_id}' has the label '{label}', which is no class; "
                    f"{nearest(label, codes)}"
                )
            labels[label] = None
    for fold in tagging.folds or []:
        if not groups[fold]:
            known = nearest(fold, (group for group in groups if group))
            raise UserError(f"{where}.folds: no clip has the group '{fold}'; {known}")
    names = tuple(codes or sorted(labels))
    if len(names) < 2:
        raise UserError(f"{where}.classes: {len(names)} class; at least two are needed to tell apart")
    silent = [name for name in names if name not in labels]
    if silent:
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
        print(f"no clip has the label {', '.join(silent[:3])}{more}", flush=True)
    return Classes(names, tuple(codes.get(name, "") for name in names), tagging.kind)
