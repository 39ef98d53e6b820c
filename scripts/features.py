"""Encode one shard: from a tar and a checkpoint to encoder states and their index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices
from earmark.core.given import given
from earmark.models import encode
from earmark.models.encoding import Encoding
from earmark.models.hearing import Hearing


def main(
    shard: Annotated[Path, typer.Option(help="tar of clips")],
    index: Annotated[Path, typer.Option(help="index of the tar")],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[
        str, typer.Option(help="JSON file: kind, dtype, device, batch_audio_s, source, choice, seed")
    ],
    output: Annotated[Path, typer.Option(help="states to write (safetensors)")],
    output_index: Annotated[Path, typer.Option(help="their index to write (Parquet)")],
    whole: Annotated[
        list[Path] | None, typer.Option(help="index of every shard of the split, where only some are asked")
    ] = None,
    threads: int = 1,
) -> None:
    """Run the audio encoder over a shard."""
    chosen = Encoding.read(given(settings), "--settings")
    device = devices.prepare(chosen.device, threads)
    hearing = Hearing.load(chosen, checkpoint, device)
    clips = hearing.clips(index, whole or [])
    needed = hearing.size(clips)
    encode.check_space(output.parent, needed)
    heard = sum(clip.ok for clip in clips)
    print(f"{output.name}: {heard} of {len(clips)} clips, about {needed / 1e6:.0f} MB of states", flush=True)
    hearing.write(shard, clips, output, output_index)


if __name__ == "__main__":
    cli.run(main)
