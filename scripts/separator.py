"""Read a separator from AudioSep's checkpoint, or train one on mixtures of labelled recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.errors import UserError
from earmark.core.given import given


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: the separator, and its training if it is trained")
    ],
    output: Annotated[Path, typer.Option(help="record to write; weights and curves go beside it")],
    index: Annotated[list[Path] | None, typer.Option(help="index of a training shard, repeat")] = None,
    texts: Annotated[Path | None, typer.Option(help="table of the labels' vectors")] = None,
    work: Annotated[
        Path, typer.Option(help="folder for the state an interrupted training goes on from")
    ] = Path(".earmark/separator"),
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Write the network as safetensors, with a record that has its checksum."""
    from earmark.systems.separation.asked import Imported, Trained
    from earmark.systems.separation.jobs import separator
    from earmark.systems.separation.jobs.training import Job

    content = given(settings)
    if "checkpoint" in content:
        separator.imported(Imported.read(content, "--settings"), output, code)
        return
    chosen = Trained.read(content, "--settings")
    if not index or texts is None:
        raise UserError("a training needs --index, for every shard, and --texts")
    events = output.parent / "events"
    separator.train(Job(chosen, index, texts, output, events, work, code, threads))


if __name__ == "__main__":
    cli.run(main)
