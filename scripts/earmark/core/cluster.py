"""What a run finds of an earlier one in Slurm's queue: its jobs outlive a submit host that dies."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from pathlib import Path

from earmark.core.errors import UserError


def left_behind(folder: Path) -> list[str]:
    """Return the Slurm jobs of this user that were submitted from ``folder`` and are not over."""
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i %Z"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    return [row[0] for row in rows if len(row) == 2 and Path(row[1]).resolve() == folder.resolve()]


def refuse_beside_others(folder: Path) -> None:
    """Check that no job of an earlier run works in ``folder``: two would write the same files.

    Raises:
        UserError: there are some; names them and what to do.

    """
    jobs = left_behind(folder)
    if jobs:
        raise UserError(
            f"Slurm jobs of an earlier run are still at work in {folder}: {', '.join(jobs)}; wait for them "
            f"or stop them (scancel {' '.join(jobs)}), then run the same command again"
        )
