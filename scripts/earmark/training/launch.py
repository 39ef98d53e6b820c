"""A script started anew in several processes by accelerate: one per GPU, or each with a share of the CPU.

On several nodes of a Slurm job, ``srun`` first starts it once on each.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys

from earmark.core import gpus
from earmark.core.errors import UserError

_MEETING = "EARMARK_MEETING_PLACE"
"""Where the processes of all nodes meet: host:port of the first one."""


def in_processes(processes: int, nodes: int = 1, *, device: str = "auto") -> None:
    """Replace this process by ``processes`` on each node that run the same command; return in each of those.

    With one process on one node it just returns. ``device`` is config's: unless it is a CPU, each process has
    a GPU that no other job holds, where there are several.

    Raises:
        UserError: there are several nodes and no ``srun`` to reach them.

    """
    if processes * nodes < 2 or "LOCAL_RANK" in os.environ:
        return
    if nodes > 1 and _MEETING not in os.environ:
        _on_each(nodes)
    if device in ("auto", "cuda"):
        gpus.claim(processes)
    # On a CPU too: only this launcher of accelerate starts processes itself, and the script decides on what
    # they compute. Port 0 is any free one, so that trainings side by side don't meet.
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu"]
    launcher += ["--num_machines", str(nodes), "--num_processes", str(processes * nodes)]
    if nodes > 1:
        host, _, port = os.environ[_MEETING].rpartition(":")
        launcher += ["--machine_rank", os.environ["SLURM_NODEID"], "--main_process_ip", host]
    else:
        port = "0"
    launcher += ["--main_process_port", port, "--mixed_precision", "no", "--dynamo_backend", "no"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *launcher, *sys.argv])


def _on_each(nodes: int) -> None:
    """Replace this process, on the first node of a job, by one on each of its nodes."""
    srun = shutil.which("srun")
    if srun is None:
        raise UserError(
            f"nodes={nodes}: there is no srun here to reach them; run it as a Slurm job "
            "(profiles/slurm), or on one node"
        )
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    os.environ[_MEETING] = f"{socket.gethostname()}:{port}"
    count = str(nodes)
    # This process is a step of the job already, whose resources the new one may have too.
    step = ["srun", "--overlap", "--nodes", count, "--ntasks", count, "--ntasks-per-node", "1"]
    sys.stdout.flush()
    os.execv(srun, [*step, "--kill-on-bad-exit=1", sys.executable, *sys.argv])
