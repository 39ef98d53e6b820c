"""The frame of every script: a typed command line, one-line errors, bounded threads."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable
from typing import Any

# Spinning OpenMP threads cost five-fold on shared cores; must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if not sys.stderr.isatty():
    # Bars that other libraries draw; ours say whole lines there. tqdm reads this when it is imported.
    os.environ.setdefault("TQDM_DISABLE", "1")

import typer

from earmark.core import files, memory, progress
from earmark.core.errors import UserError

# What a script imports stays, and so does what its job imports later: going through it again and again took
# a tenth of a short job, and once more as Python ends half a second. Cycles that hold a batch are young, and
# are found as soon as ever.
_YOUNG, _MIDDLE, _ = gc.get_threshold()
_SELDOM = 100
gc.set_threshold(100_000, _MIDDLE, _SELDOM)


def run(main: Callable[..., Any]) -> None:
    """Run ``main`` as a command line made from its signature.

    A :class:`UserError`, a full disk or full memory ends in one line on stderr and exit status 1;
    anything else is a bug of ours and keeps its traceback.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _SELDOM)
    atexit.register(gc.freeze)
    progress.name_job(sys.argv[1:])
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except Exception as error:
        progress.fall_silent()
        if isinstance(error, UserError):
            sys.exit(f"error: {error}")
        if memory.ran_out(error):
            sys.exit(f"error: {memory.plainly()}")
        if _is_disk_full(error):
            sys.exit(
                "error: no space left on the disk; free some space and run the same command again: "
                "finished work is kept"
            )
        raise


def _is_disk_full(error: Exception) -> bool:
    """Whether the disk is full; safetensors and SQLite report it in exceptions of their own."""
    if isinstance(error, OSError):
        return error.errno in files.FULL
    return any(words in str(error) for words in ("No space left on device", "database or disk is full"))
