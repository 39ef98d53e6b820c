"""Work whose length somebody else decides: given so many seconds and so much memory, then ended."""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType


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
