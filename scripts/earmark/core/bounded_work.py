"""Work whose length somebody else decides: given so many seconds and so much memory, then ended."""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class TooMuch(Exception):
    """The work took longer than it was given."""


@contextlib.contextmanager
def at_most(seconds: float, megabytes: float) -> Iterator[None]:
    """Run a block of Python that may take so long, and so much memory besides what is taken already.

    Time is kept by a signal, which only the main thread gets: elsewhere memory alone is bounded.

    Raises:
        TooMuch: the time is up.
        MemoryError: it asked for more.

    """

    def up(_signal: int, _frame: FrameType | None) -> None:
        raise TooMuch(f"more than {seconds:g} s")

    timed = threading.current_thread() is threading.main_thread()
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = taken + int(megabytes * 1e6)
    if before[0] != resource.RLIM_INFINITY:
        limit = min(limit, before[0])
    handler = signal.signal(signal.SIGALRM, up) if timed else None
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    if timed:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises; it may be in a library that no signal reaches.

    It runs in a thread of its own. One that is not done in time goes on until the process ends, which is
    what a caller is about to do.

    Raises:
        TooMuch: the time is up.

    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TooMuch(f"more than {seconds:g} s")
    return done[0]
