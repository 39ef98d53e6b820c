"""Freed memory stays with the process, for the next tensor.

glibc maps every large block afresh and hands it back when it is freed. A forward pass on a CPU frees and
asks for the same sizes layer after layer, and the kernel clears each page again: some per cent of a
prefill (`bench/prefill.py`), more or less of them by what ran before, so that times also scatter.
"""

from __future__ import annotations

import ctypes
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # numbers of <malloc.h>
_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Ask for it, where the C library is glibc and the user has not set ``MALLOC_...`` for themselves.

    Returns:
        Whether it is so from here on.

    """
    if any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get(
        "GLIBC_TUNABLES", ""
    ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST) and mallopt(_M_TRIM_THRESHOLD, _LARGEST))
