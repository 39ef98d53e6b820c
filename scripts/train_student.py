"""Train a student: from spectrograms, and teachers' logits, to weights for transformers and a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.tagging.asked import Places, TrainingJob
from earmark.training.launch import in_processes


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: everything the training depends on but its files")
    ],
    places: Annotated[
        str,
        typer.Option(help="JSON file: folders of spectrograms, audio and logits; shards by split"),
    ],
    classes: Annotated[Path, typer.Option(help="the task's classes")],
    statistics: Annotated[Path, typer.Option(help="the statistics of its spectrograms")],
    output: Annotated[Path, typer.Option(help="record to write; weights and curves go beside it")],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training continues from")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    processes: Annotated[int, typer.Option(help="processes of a node that share a batch: one per GPU")] = 1,
    nodes: Annotated[int, typer.Option(help="nodes of a Slurm job that share each batch")] = 1,
    threads: Annotated[
        int, typer.Option(help="of all processes of a node together, those that load clips too")
    ] = 1,
) -> None:
    """Train the student, going on from where an earlier run was interrupted."""
    chosen = TrainingJob.read(given(settings), "--settings")
    in_processes(processes, nodes, device=chosen.device)
    from earmark.systems.tagging import job
    from earmark.systems.tagging.materials import Files

    files = Files.of(Places.read(given(places), "--places"), classes, statistics)
    job.run(chosen, files, output, work, code, max(1, threads // processes))


if __name__ == "__main__":
    cli.run(main)
