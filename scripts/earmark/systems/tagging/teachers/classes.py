"""A teacher's classes, and the task's: the same names, whatever their order."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from earmark.core.errors import UserError
from earmark.systems.tagging.classes import digest

AUDIOSET = "47c06b1ecbfea2f6e5b9dc248379997edef7b067b91657e31d46fc7ba69541a0"
AUDIOSET_SORTED = "d83a187dfc4909b5f9134e04343671ec9ec432f13856de48e5d226bbb427449e"
"""Digests of the 527 display names in the published order (class_labels_indices.csv), and sorted: enough
to know the list by, without keeping a copy of it."""


def named(setting: str, task: Sequence[str], where: str) -> list[str]:
    """Return a teacher's classes in its own order, from the key ``classes`` of its settings.

    Args:
        setting: ``task``, ``audioset`` or the path of a CSV.
        task: the task's classes.
        where: what error messages call the teacher.

    Raises:
        UserError: the CSV is none, or the task's classes are not AudioSet's in the published order.

    """
    if setting == "task":
        return list(task)
    if setting != "audioset":
        return _from_csv(Path(setting).expanduser(), where)
    if digest(task) == AUDIOSET:
        return list(task)
    if digest(sorted(task)) == AUDIOSET_SORTED:
        raise UserError(
            f"{where}: the task has AudioSet's classes in another order than they were published in; "
            "set classes to the path of AudioSet's class_labels_indices.csv, which says that order"
        )
    raise UserError(
        f"{where}: it knows the 527 classes of AudioSet, and the task has {len(task)} others; "
        "use a teacher of the task's classes, or set classes to a CSV of this teacher's"
    )


def order(teacher: Sequence[str], task: Sequence[str], where: str) -> list[int]:
    """Return, for each of the task's classes, its place among the teacher's.

    Raises:
        UserError: the two sets differ, or a name is there twice.

    """
    place = {name: number for number, name in enumerate(teacher)}
    if len(place) != len(teacher):
        twice = next(name for number, name in enumerate(teacher) if place[name] != number)
        raise UserError(f"{where}: its class '{twice}' is listed twice")
    lacking = [name for name in task if name not in place]
    extra = sorted(place.keys() - set(task))
    if lacking or extra:
        parts = [
            f"{what} {len(names)} ('{names[0]}'{', ...' if len(names) > 1 else ''})"
            for what, names in (("it lacks", lacking), ("the task lacks", extra))
            if names
        ]
        raise UserError(
            f"{where}: its {len(teacher)} classes are not the task's {len(task)}: {', '.join(parts)}; "
            "teacher and task must have the same classes, by name"
        )
    return [place[name] for name in task]


def _from_csv(path: Path, where: str) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream, skipinitialspace=True)
            column = next((c for c in ("display_name", "name") if c in (rows.fieldnames or ())), None)
            if column is None:
                raise UserError(f"{where}: classes: {path} has no column display_name or name")
            return [row[column] or "" for row in rows]
    except FileNotFoundError:
        raise UserError(f"{where}: classes: there is no file {path} (known words: audioset, task)") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{where}: classes: {path} is not CSV ({error})") from None
