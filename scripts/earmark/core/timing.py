"""The stage clock: wall seconds of named stages, with the device synchronised at both ends."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all work given to it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class StageClock:
    """Adds up the wall seconds of named stages."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as ``name``."""
        synchronise(self.device)
        start = time.perf_counter()
        yield
        synchronise(self.device)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class Peak(NamedTuple):
    """Bytes at a peak: allocated on the device (on a CPU, the process's), and resident in the process."""

    device: int
    process: int

    def max(self, other: Peak) -> Peak:
        """Return the higher of both, field by field."""
        return Peak(max(self.device, other.device), max(self.process, other.process))


class MemoryWatch:
    """Peak memory of stretches of work; on systems other than Linux the process's since its start."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.start = _resident("VmRSS")
        self._forget()

    def _forget(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        with contextlib.suppress(OSError):  # Linux alone
            Path("/proc/self/clear_refs").write_text("5")

    def lap(self) -> Peak:
        """Return the peak since the last lap, and begin the next."""
        process = _resident("VmHWM")
        on_gpu = self.device.type == "cuda"
        device = int(torch.cuda.max_memory_allocated(self.device)) if on_gpu else process
        self._forget()
        return Peak(device, process)


def _resident(field: str) -> int:
    """Return resident bytes, now (VmRSS) or at the peak (VmHWM), memory-mapped files included."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
