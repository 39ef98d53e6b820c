"""Answer one cell of the grid: from encoder states to what the model said, one line a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import exclusive
from earmark.systems.pruning.cell import Cell, inputs_of
from earmark.systems.pruning.workplace import ALONE, Workplace, read_fellows


def main(
    index: Annotated[
        list[Path],
        typer.Option(help="indexes (Parquet) of the split's states or tars, in the same order, repeat"),
    ],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON file: task, model, method, run")],
    output: Annotated[Path, typer.Option(help="record to write (JSON); answers go beside it (JSONL)")],
    work: Annotated[Path, typer.Option(help="folder for answers in progress")],
    features: Annotated[
        list[Path] | None, typer.Option(help="stored encoder states of the split (safetensors), repeat")
    ] = None,
    tar: Annotated[
        list[Path] | None, typer.Option(help="or packed clips, to be encoded here, repeat")
    ] = None,
    encoder: Annotated[Path | None, typer.Option(help="for tars: record of the encoder's checkpoint")] = None,
    encoding: Annotated[str, typer.Option(help="for tars: JSON file of the encoding's settings")] = "",
    grid: Annotated[str, typer.Option(help="JSON file: the cells asked for in this run")] = ALONE,
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Answer every question of a task with one method at one keep ratio."""
    cell, checkpoints = Cell.parse(settings, code), [checkpoint, *([encoder] if encoder else [])]
    inputs = inputs_of(checkpoints, index, encoding)
    with exclusive(work) as folder:
        place = Workplace(folder, cell, cell.digest(inputs))
        if not place.finished:
            # Only now: the model's packages take seconds to import, and another job may have
            # answered for this one.
            from earmark.systems.pruning import job
            from earmark.systems.pruning.heard import source

            heard = source(index, features or [], tar or [], encoder, encoding)
            job.run(job.Asked(cell, place, heard, checkpoint, inputs), *read_fellows(grid, cell), threads)
        place.deliver(output)


if __name__ == "__main__":
    cli.run(main)
