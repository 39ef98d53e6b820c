"""Probe a dataset's embeddings: from pooled vectors of several layers to accuracies and a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.systems.embeddings.probe.asked import Probe
from earmark.systems.embeddings.probe.job import run


def main(
    embeddings: Annotated[list[Path], typer.Option(help="a layer's folder or a Parquet file, repeat")],
    settings: Annotated[
        str, typer.Option(help="JSON file: model, dataset, labels, pooling, span, seed, ...")
    ],
    output: Annotated[Path, typer.Option(help="the record to write (JSON)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
) -> None:
    """Probe every layer with a linear classifier and draw up a map of the best."""
    write_json(output, run(Probe.read(given(settings), "--settings"), embeddings, code, again))


if __name__ == "__main__":
    cli.run(main)
