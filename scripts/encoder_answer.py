"""Ask a trained model about every clip of a data set; its answers are scored later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders import answer
from earmark.systems.encoders.asked import AnswerJob


def main(
    features: Annotated[Path, typer.Option(help="folder of the test shards' features")],
    checkpoint: Annotated[Path, typer.Option(help="record of the trained model")],
    settings: Annotated[str, typer.Option(help="JSON file: everything answers depend on but their files")],
    output: Annotated[Path, typer.Option(help="record to write; the answers lie beside (JSONL)")],
    work: Annotated[Path, typer.Option(help="file that an interrupted job continues from")],
    code: Annotated[str, typer.Option(help="digest of the code")] = "by hand",
    threads: int = 1,
) -> None:
    """Write what the model says of each clip."""
    asked = AnswerJob.read(given(settings), "--settings")
    answer.run(asked, features, checkpoint, output, work, code, threads)


if __name__ == "__main__":
    cli.run(main)
