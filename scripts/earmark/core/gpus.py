"""One GPU for each job of a box that has several, without anyone who deals them out.

Snakemake bounds how many GPU jobs run (`resources: gpu`), not which GPU each takes. So every job takes
one for itself: it holds a lock on a file per GPU for as long as it lives. The kernel drops the lock when
the process ends, however it ends; and a user's other workflows on the same box are seen too.
"""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_held: list[int] = []
"""The open files whose locks this process holds: they close with it."""


def visible(environment: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """Return the GPUs that CUDA would see, as CUDA_VISIBLE_DEVICES names them."""
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip()]
    return [str(number) for number in range(len(list(devices.glob("nvidia[0-9]*"))))]


def claim(count: int = 1) -> list[str]:
    """Take free GPUs for this process and those it becomes or starts, and let CUDA see no others.

    Does nothing where there are no more than that, or in a process that was started for one of several
    that are taken already (``LOCAL_RANK``, as launchers set it). Waits while other jobs hold too many. To
    be called before CUDA is first used.
    """
    names = visible(os.environ)
    if len(names) <= count or _held or "LOCAL_RANK" in os.environ:
        return []
    taken = take(names, Path(tempfile.gettempdir()) / f"earmark-gpus-{os.getuid()}", count)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
    return taken


def take(names: Sequence[str], folder: Path, count: int = 1, pause_s: float = 2.0) -> list[str]:
    """Return the first ``count`` of ``names`` that no living process holds in ``folder``, and hold them.

    All or none, so that two jobs never wait for each other.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = False
    while True:
        taken: dict[str, int] = {}
        for name in names:
            # A name may be a UUID or a slice of a GPU; none of them leaves the folder.
            path = folder / f"{name.replace('/', '_')}.lock"
            file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            taken[name] = file
            if len(taken) == count:
                for each in taken.values():
                    # The lock outlives the script that becomes a launcher of several processes.
                    os.set_inheritable(each, True)
                _held.extend(taken.values())
                return list(taken)
        for file in taken.values():
            os.close(file)
        if not told:
            wanted = "a GPU" if count == 1 else f"{count} GPUs"
            held = len(names) - len(taken)
            print(f"waiting for {wanted}: {held} of {len(names)} are taken by other jobs", file=sys.stderr)
            told = True
        time.sleep(pause_s)
