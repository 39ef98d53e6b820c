"""Pack one shard: from the clips' manifest to a tar of FLAC clips and its index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark import cli, shards
from earmark.records import check_budget, read_manifest, write_manifest


def main(
    clips: Annotated[Path, typer.Option(help="manifest of clips")],
    split: Annotated[str, typer.Option(help="train or test")],
    shard: Annotated[int, typer.Option(help="number of this shard, from 0")],
    of: Annotated[int, typer.Option(help="number of shards")],
    output: Annotated[Path, typer.Option(help="tar to write")],
    index: Annotated[Path, typer.Option(help="its index to write (Parquet)")],
    sample_rate: int = 16000,
    max_failed_share: float = 0.0,
) -> None:
    """Decode, join, resample and pack the clips of one shard."""
    chosen = shards.share([clip for clip in read_manifest(clips) if clip.split == split], shard, of)
    packed = shards.pack(chosen, output, sample_rate)
    check_budget(packed, max_failed_share, str(output))
    write_manifest(index, packed)


if __name__ == "__main__":
    cli.run(main)
