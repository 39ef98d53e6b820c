"""Encode one shard: from a tar and a checkpoint to encoder states and their index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices
from earmark.core.given import given
from earmark.core.records import read_manifest
from earmark.models import encode, needs
from earmark.models.checkpoint import DTYPES, Checkpoint
from earmark.models.families import family
from earmark.systems.pruning.choice import without_skipped


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
    chosen = given(settings)
    device = devices.prepare(chosen["device"], threads)
    kind = family(chosen["kind"])
    model = Checkpoint.read(checkpoint)
    clips = [clip for clip in read_manifest(index) if clip.status != "unused"]
    if "choice" in chosen:
        split = [clip for path in whole or [index] for clip in read_manifest(path)]
        clips = without_skipped(clips, split, chosen["choice"], chosen["seed"])
    entry = {"kind": chosen["kind"], "dtype": chosen["dtype"], "path": str(model.folder)}
    needs.announce(needs.encoding(entry, chosen["batch_audio_s"]))
    encoder = kind.encoder(model, str(device), chosen["dtype"])
    width_bytes = DTYPES[chosen["dtype"]].itemsize
    needed = encode.size_estimate(clips, encoder.width, width_bytes, kind.audio.tokens_per_second)
    encode.check_space(output.parent, needed)
    encoded = sum(clip.ok for clip in clips)
    print(
        f"{output.name}: {encoded} of {len(clips)} clips, about {needed / 1e6:.0f} MB of states", flush=True
    )
    metadata = {
        "model_digest": model.digest,
        "device": devices.describe(device),
        "dtype": chosen["dtype"],
        "source": chosen["source"],
    }
    encode.encode_shard(
        encoder, kind.audio, shard, clips, chosen["batch_audio_s"], output, output_index, metadata
    )


if __name__ == "__main__":
    cli.run(main)
