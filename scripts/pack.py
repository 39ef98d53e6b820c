"""Pack one shard: from the clips' manifest to a tar of FLAC clips and its index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from earmark.config import forming
from earmark.config.packing import Packing
from earmark.core import cli
from earmark.core.allocator import keep_freed_memory
from earmark.core.given import given
from earmark.core.records import Clip, iter_manifest
from earmark.data import segment, shards


def main(
    clips: Annotated[Path, typer.Option(help="manifest of clips, or of a fetched shard's recordings")],
    split: Annotated[str, typer.Option(help="train or test")],
    shard: Annotated[int, typer.Option(help="number of this shard, from 0")],
    of: Annotated[int, typer.Option(help="number of shards")],
    output: Annotated[Path, typer.Option(help="tar to write")],
    index: Annotated[Path, typer.Option(help="its index to write (Parquet)")],
    settings: Annotated[str, typer.Option(help="JSON file: sample_rate, channels, shard_limits")],
    cut: Annotated[
        str, typer.Option(help="JSON file: how a fetched shard's recordings become clips")
    ] = "null",
    max_failed_share: float = 0.0,
) -> None:
    """Decode, join, resample and pack the clips of one shard."""
    keep_freed_memory()
    options, how = Packing.read(given(settings), "--settings"), given(cut)
    limits = options.shard_limits
    form = shards.Form(options.sample_rate, options.channels, limits.clips, limits.megabytes)

    def chosen() -> Iterator[Clip]:
        if how is None:
            return iter_manifest(clips, split, (shard, of))
        # The manifest of a fetched shard lists that shard's recordings and no others.
        return segment.cut(iter_manifest(clips, split), forming.read(how))

    shards.write(chosen, output, index, form, max_failed_share=max_failed_share, split=split, of=of)


if __name__ == "__main__":
    cli.run(main)
