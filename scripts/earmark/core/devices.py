"""Which device a job computes on, and with how many threads."""

from __future__ import annotations

import contextlib
import platform
from pathlib import Path

import torch

from earmark.core.allocator import keep_freed_memory
from earmark.core.errors import UserError
from earmark.core.gpus import claim
from earmark.core.memory import ran_out


def prepare(device: str, threads: int) -> torch.device:
    """Resolve ``auto`` to a GPU where there is one, bound the threads, fix determinism.

    Where there are several, this process takes one that no other job has.

    Raises:
        UserError: a GPU was asked for and there is none.

    """
    torch.set_num_threads(max(1, threads))
    with contextlib.suppress(RuntimeError):  # it can be set once
        torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    if device in ("auto", "cuda"):
        claim()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device '{device}': no CUDA device here; set device to cpu or auto in the config")
    return torch.device(device)


def describe(device: torch.device) -> str:
    """Return the device's name for the record."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"cpu ({names[0] if names else platform.processor() or platform.machine()})"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on a GPU or in torch's CPU allocator."""
    return ran_out(error)
