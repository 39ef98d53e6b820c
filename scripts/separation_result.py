"""Choose among the models' estimates as a router does: from scores to a result and a row per sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.scoring import record as envelope
from earmark.systems.separation import result
from earmark.systems.separation.asked import Result


def main(
    scores: Annotated[list[Path], typer.Option(help="record of a model's scores, named like it, repeat")],
    settings: Annotated[str, typer.Option(help="JSON file: the router and what was asked")],
    output: Annotated[Path, typer.Option(help="result to write (JSON); rows go beside it")],
    partition: Annotated[Path | None, typer.Option(help="partition of the classes")] = None,
    texts: Annotated[
        list[Path] | None, typer.Option(help="table of vectors: of queries, of classes, repeat")
    ] = None,
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
) -> None:
    """Write the result."""
    chosen = Result.read(given(settings), "--settings")
    inputs = result.Inputs.read(scores, partition, texts or [], chosen.temperature)
    content, rows = result.record(chosen, inputs, output, code, again)
    envelope.write(content, output, rows)
    print(envelope.one_line(content, content["headline"], *content["remarks"][1:]))


if __name__ == "__main__":
    cli.run(main)
