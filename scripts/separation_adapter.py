"""Train the adapter of one domain on a frozen separator, or read it from a file of DP-LASS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given


def main(
    settings: Annotated[str, typer.Option(help="JSON file: the domain, the adapter and its training")],
    separator: Annotated[Path, typer.Option(help="record of the separator")],
    partition: Annotated[Path, typer.Option(help="partition of the classes")],
    manifest: Annotated[Path, typer.Option(help="manifest of the domain's clips")],
    index: Annotated[list[Path], typer.Option(help="index of a training shard, repeat")],
    texts: Annotated[Path, typer.Option(help="table of the labels' vectors")],
    output: Annotated[Path, typer.Option(help="record to write; weights and curves go beside it")],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training goes on from")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Write the adapter alone as safetensors, with a record that has its checksum."""
    from earmark.systems.separation.asked import DomainAdapter, ReadAdapter
    from earmark.systems.separation.jobs import adapter
    from earmark.systems.separation.jobs.training import Job

    events, read = output.parent / f"{output.stem}.events", (separator, partition, manifest)
    content = given(settings)
    if "file" in content:
        wanted = ReadAdapter.read(content, "--settings")
        adapter.imported(wanted, separator, partition, output, code)
        return
    chosen = DomainAdapter.read(content, "--settings")
    job = Job(chosen, index, texts, output, events, work, code, threads, read)
    adapter.train(job, separator, partition, manifest)


if __name__ == "__main__":
    cli.run(main)
