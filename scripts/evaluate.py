"""Evaluate one cell of the grid: from encoder states to a result record and its per-sample rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import exclusive
from earmark.systems.pruning.cell import Cell, inputs_of
from earmark.systems.pruning.workplace import Workplace


def main(
    features: Annotated[list[Path], typer.Option(help="encoder states of the split (safetensors), repeat")],
    index: Annotated[list[Path], typer.Option(help="their indexes (Parquet), in the same order, repeat")],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON file: task, model, method, run")],
    output: Annotated[Path, typer.Option(help="result to write (JSON); rows go beside it (JSONL)")],
    work: Annotated[Path, typer.Option(help="folder for rows in progress")],
    grid: Annotated[Path, typer.Option(help="list of the cells asked for; none: this cell alone")] = Path(),
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Answer every question of a task with one method at one keep ratio."""
    cell, inputs = Cell.parse(settings, code), inputs_of(checkpoint, index)
    with exclusive(work) as folder:
        place = Workplace(folder, cell, cell.digest(inputs))
        if not place.finished:
            # Only now: the model's packages take seconds to import, and another job may have
            # answered for this one.
            from earmark.systems.pruning import job

            job.run(cell, features, index, checkpoint, output, place, inputs, grid, threads)
        place.deliver(output)


if __name__ == "__main__":
    cli.run(main)
