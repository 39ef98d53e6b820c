"""A script started anew in several processes by accelerate: one per GPU, or each with a share of the CPU."""

from __future__ import annotations

import os
import sys


def in_processes(processes: int) -> None:
    """Replace this process by ``processes`` that run the same command; return in each of those.

    With one process it just returns.
    """
    if processes < 2 or "LOCAL_RANK" in os.environ:
        return
    # On a CPU too: only this launcher of accelerate starts processes itself, and the script decides on what
    # they compute. Port 0 is any free one, so that trainings side by side don't meet.
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    launcher += ["--num_processes", str(processes), "--main_process_port", "0"]
    launcher += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *launcher, *sys.argv])
