"""Rust, in which tokenizers are written, tells the terminal why it panics before Python hears of it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

_one_at_a_time = threading.Lock()


def is_panic(error: BaseException) -> bool:
    """Whether this is how Rust says that something is impossible; it is no ``Exception``."""
    return type(error).__name__ == "PanicException"


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Keep a panic's own words off standard error: whoever catches it says it in a line.

    What else is written meanwhile is passed on afterwards.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        there = os.dup(2)
        os.dup2(held.fileno(), 2)
        panicked = False
        try:
            yield
        except BaseException as error:
            panicked = is_panic(error)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(there, 2)
            os.close(there)
            held.seek(0)
            if not panicked and (written := held.read()):
                os.write(2, written)
