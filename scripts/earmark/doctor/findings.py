"""What the doctor says: one finding a thing, good, worth knowing, or missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

from earmark.core.files import Json

K = TypeVar("K")
T = TypeVar("T")

OK = "ok"
NOTE = "note"
MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """A thing that was looked at.

    ``status``: ok; note, if it could be better or is only needed for some things; missing, if it is not
    to be had. ``needed``: whether what was asked for needs it.
    """

    area: str
    name: str
    status: str
    found: str
    fix: str = ""
    needed: bool = False

    @property
    def stops(self) -> bool:
        """Whether what was asked for cannot be made because of it."""
        return self.needed and self.status == MISSING

    def flat(self) -> Json:
        """Return it as a JSON object."""
        return asdict(self)


def guarded(area: str, name: str, check: Callable[[], list[Finding]]) -> Callable[[], list[Finding]]:
    """Return a check that says so where a package it needs isn't installed."""

    def answer() -> list[Finding]:
        try:
            return check()
        except ImportError as error:
            lacking = f"{error.name or 'a package'} is not installed, so this was not looked at"
            return [Finding(area, name, NOTE, lacking, "make env")]

    return answer


@dataclass
class _Answer(Generic[T]):
    value: T | None = None


def at_once(calls: Mapping[K, Callable[[], T]], deadline_s: float) -> dict[K, T | None]:
    """Return what the calls return, all made at the same time; None for those that take too long.

    Looking up a name or asking a program has no time limit of its own everywhere, so a call that hangs
    is left behind: its thread ends with the process.
    """
    answers: dict[K, _Answer[T]] = {name: _Answer() for name in calls}

    def ask(name: K) -> None:
        answers[name].value = calls[name]()

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in calls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: answer.value for name, answer in answers.items()}
