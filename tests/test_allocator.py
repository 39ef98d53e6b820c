"""Freed memory is there for the next tensor, unless the user has set the allocator."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
FAULTS = """
import resource, torch
from earmark.core.allocator import keep_freed_memory
print(keep_freed_memory())
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**24)  # 64 MB: more than glibc keeps on its own
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""


def run(**variables: str) -> tuple[str, int]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env=mine | {"PYTHONPATH": str(SCRIPTS)} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator has these settings")
def test_pages_of_freed_tensors_are_not_asked_for_again():
    assert run()[1] < 100


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator has these settings")
def test_what_the_user_has_set_stays():
    kept, faults = run(MALLOC_MMAP_THRESHOLD_="131072")
    assert kept == "False" and faults > 100
