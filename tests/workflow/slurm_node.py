"""A Slurm of one node on loopback: own configuration, keys, ports and state, all in one folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
CONFIG = """\
ClusterName=earmark
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
StateSaveLocation={state}
SlurmdSpoolDir={spool}
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.pid
SlurmctldLogFile={log}/slurmctld.log
SlurmdLogFile={log}/slurmd.log
# Without cgroups, memory is watched once a second and a job beyond its request is killed.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# More CPUs than there are, so that jobs that wait for each other all run.
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 Port={daemon} CPUs=8 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Unavailable(Exception):
    """Slurm isn't installed here, or cannot be started."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """A running Slurm; its commands need the ``environment``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        # The plugin removes SLURM_CONF from what starts a job's step.
        wrapper = bin_folder / "srun"
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {
            **os.environ,
            "SLURM_CONF": f"{folder}/slurm.conf",
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        }

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            raise Unavailable(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.stdout

    def jobs(self) -> list[str]:
        return self.call("squeue", "--noheader", "--format", "%i").split()


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Node]:
    """Start munge, controller and daemon; stop them and every job of theirs, whatever happens.

    Raises:
        Unavailable: says what is missing or would not start.

    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        raise Unavailable("only root can start it")
    parts = {name: folder / name for name in ("run", "state", "spool", "log")}
    for part in parts.values():
        part.mkdir(mode=0o755)
    host, run = socket.gethostname(), parts["run"]
    text = CONFIG.format(host=host, controller=free_port(), daemon=free_port(), **parts)
    (folder / "slurm.conf").write_text(text)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    node = Node(folder)
    # By force: it would rather have its socket where every user gets at it.
    munge = ["--force"]
    munge += [f"--{name}={run}/munged.{name.partition('-')[0]}" for name in ("pid-file", "seed-file")]
    munge += [f"--key-file={key}", f"--socket={run}/munge.socket", f"--log-file={parts['log']}/munged.log"]
    try:
        node.call("munged", *munge)
        node.call("slurmctld")
        node.call("slurmd")
        until(
            lambda: node.call("sinfo", "--noheader", "--format", "%t").strip() == "idle", 30, "an idle node"
        )
        yield node
    finally:
        stop(node, run)


def stop(node: Node, run: Path) -> None:
    """Cancel all jobs, then end the three daemons by their own process ids."""
    with contextlib.suppress(Unavailable, subprocess.TimeoutExpired, AssertionError):
        node.call("scancel", "--user", "root", "--full")
        until(lambda: not node.jobs(), 15, "an empty queue")
    for name in ("slurmd", "slurmctld", "munged"):
        path = run / f"{name}.pid"
        if not path.is_file():
            continue
        process = int(path.read_text())
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, AssertionError):
                os.kill(process, kind)
                until(lambda pid=process: not Path(f"/proc/{pid}").exists(), 10, "its end")
                break


def until(true, seconds: float, what: str) -> None:
    """Wait until ``true()``; fail naming ``what`` was waited for."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)
