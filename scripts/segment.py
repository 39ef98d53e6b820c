"""Form clips from recordings: from the recordings' manifest to the clips' manifest, no audio yet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from earmark.config import forming
from earmark.core import cli
from earmark.core.given import given
from earmark.core.progress import tqdm
from earmark.core.records import UNUSED, Clip, iter_manifest, write_manifest
from earmark.data.segment import segment


def main(
    recordings: Annotated[Path, typer.Option(help="manifest of recordings")],
    settings: Annotated[str, typer.Option(help="JSON file: the task's data.segment")],
    output: Annotated[Path, typer.Option(help="manifest of clips to write (Parquet)")],
    seed: int = 0,
) -> None:
    """Cut or join recordings to clips, per split."""
    left_s = 0.0
    forms = {split: forming.read(form) for split, form in given(settings).items()}

    def clips() -> Iterator[Clip]:
        nonlocal left_s
        for clip in segment(partial(iter_manifest, recordings), forms, seed):
            left_s += clip.duration_s if clip.status == UNUSED else 0.0
            yield clip

    write_manifest(output, tqdm(clips(), desc="forming clips", unit="clip"))
    if left_s:
        print(
            f"{left_s:.0f} s of recordings fill no whole clip and stay unused (listed in {output})",
            flush=True,
        )


if __name__ == "__main__":
    cli.run(main)
