"""Memory: what a job says it needs when it begins, and how it says that there was not enough.

A job that the system kills says nothing; the line it began with is then all there is, and the workflow
shows it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

BEGINNING = "memory: "
ADVICE = "docs/low_memory.md says how to need less"

_said = ""


def announce(needed: int, weights: int) -> None:
    """Say what this job is about to need, in bytes, and what there is."""
    global _said
    here, free = present()
    _said = (
        f"about {needed / 1e9:.1f} GB needed, {weights / 1e9:.1f} of them weights; {free / 1e9:.1f} GB free"
    )
    short = f"; that is likely too little: {ADVICE}" if needed > free else ""
    print(f"{BEGINNING}{_said} of {here / 1e9:.1f} GB{short}", flush=True)


def present() -> tuple[int, int]:
    """Return this machine's memory, and how much of it is free or can be freed, in bytes."""
    here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return here, int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return here, here


def ran_out(error: BaseException) -> bool:
    """Whether an exception says that memory ran out: Python's, the system's, torch's on a CPU or a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    words = ("can't allocate memory", "Cannot allocate memory", "CUDA out of memory")
    return isinstance(error, RuntimeError) and any(each in str(error) for each in words)


def plainly() -> str:
    """Return the one line for a job that ran out of memory."""
    return f"out of memory ({_said or 'nothing is known of what was needed'}): {ADVICE}"
