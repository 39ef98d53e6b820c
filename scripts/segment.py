"""Form clips from recordings: from the recordings' manifest to the clips' manifest, no audio yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earmark import cli
from earmark.records import read_manifest, write_manifest
from earmark.segment import segment


def main(
    recordings: Annotated[Path, typer.Option(help="manifest of recordings")],
    settings: Annotated[str, typer.Option(help="JSON: the task's data.segment")],
    output: Annotated[Path, typer.Option(help="manifest of clips to write (Parquet)")],
    seed: int = 0,
) -> None:
    """Cut or join recordings to clips, per split."""
    clips = segment(read_manifest(recordings), json.loads(settings), seed)
    unused = [clip for clip in clips if clip.status == "unused"]
    if unused:
        seconds = sum(clip.duration_s for clip in unused)
        print(
            f"{seconds:.0f} s of recordings fill no whole clip and stay unused (listed in {output})",
            flush=True,
        )
    write_manifest(output, clips)


if __name__ == "__main__":
    cli.run(main)
