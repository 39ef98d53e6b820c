"""Pack one shard: from the clips' manifest to a tar of FLAC clips and its index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earmark import cli, shards
from earmark.files import replacing
from earmark.records import Tally, iter_manifest, write_manifest


def main(
    clips: Annotated[Path, typer.Option(help="manifest of clips")],
    split: Annotated[str, typer.Option(help="train or test")],
    shard: Annotated[int, typer.Option(help="number of this shard, from 0")],
    of: Annotated[int, typer.Option(help="number of shards")],
    output: Annotated[Path, typer.Option(help="tar to write")],
    index: Annotated[Path, typer.Option(help="its index to write (Parquet)")],
    settings: Annotated[str, typer.Option(help="JSON: sample_rate, channels, shard_limits")],
    cut: Annotated[str, typer.Option(help="JSON: how a fetched shard's recordings become clips")] = "null",
    max_failed_share: float = 0.0,
) -> None:
    """Decode, join, resample and pack the clips of one shard."""
    tally = Tally()
    options = json.loads(settings)
    # A fetched shard has a manifest of its own; other manifests are dealt to the shards here.
    chosen = iter_manifest(clips, split, (0, 1) if json.loads(cut) else (shard, of))
    with replacing(index) as partial:
        write_manifest(partial, tally.watch(shards.pack(chosen, output, options["sample_rate"])))
        tally.check(max_failed_share, str(output))


if __name__ == "__main__":
    cli.run(main)
