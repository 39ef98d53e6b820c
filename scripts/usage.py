"""Compare the memory and time that rules ask for with what their jobs took.

    snakemake -n -F -p all | python scripts/usage.py

The dry run lists the jobs, the files below benchmarks/ say what each took. Ends with status 1 if one took
more than it asked for.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, usage
from earmark.core.errors import UserError


def main(folder: Annotated[Path, typer.Option(help="where the workflow ran")] = Path()) -> None:
    """Print a table of what jobs took and asked for."""
    jobs = list(usage.of_run(sys.stdin, folder))
    if not jobs:
        raise UserError("no job of the dry run has a file below benchmarks/; run the workflow first")
    print(usage.table(jobs))
    sys.exit(any(job.exceeded for job in jobs))


if __name__ == "__main__":
    cli.run(main)
