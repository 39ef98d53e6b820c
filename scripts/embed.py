"""Embed one shard: from a tar and a checkpoint to the states of every layer asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices
from earmark.core.errors import UserError
from earmark.core.given import given
from earmark.core.records import read_manifest
from earmark.models import needs
from earmark.models.checkpoint import DTYPES, Checkpoint
from earmark.models.families import family
from earmark.models.outline import loaded
from earmark.systems.embeddings import estimate, job, layers
from earmark.systems.embeddings.asked import Embed
from earmark.systems.embeddings.extract import Extractor


def main(
    shard: Annotated[Path, typer.Option(help="tar of clips")],
    index: Annotated[Path, typer.Option(help="index of the tar")],
    clips: Annotated[Path, typer.Option(help="manifest of the whole task, for the estimate")],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON file: model, block, features, device, source")],
    output: Annotated[list[Path], typer.Option(help="states to write (safetensors), one per layer, repeat")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Run the parts of the model that the layers need over a shard, once for all of them."""
    chosen = Embed.read(given(settings), "--settings")
    model, block = chosen.model, chosen.block
    wanted = [layers.parse(name) for name in block.layers]
    if len(output) != len(wanted):
        raise UserError(f"--output: {len(output)} given, one for each of {len(wanted)} layers expected")
    device = devices.prepare(chosen.device, threads)
    kind = family(model.kind)
    record = Checkpoint.read(checkpoint)
    depth = kind.depth(record)
    layers.check(wanted, depth, model.name)
    plan = layers.Plan.of(wanted, depth)
    cost = estimate.Request(
        durations=[clip.duration_s for clip in read_manifest(clips) if clip.ok],
        layers=wanted,
        depth=depth,
        pooling=block.pooling,
        span=block.span,
        bytes_per_value=DTYPES[block.dtype].itemsize,
        prompt_tokens=estimate.prompt_tokens(block.prompt),
        audio=kind.hears(model.projector),
    )
    estimate.check(cost, block.budget_gb, f"embeddings of {model.name}, {chosen.task}")
    outline = replace(model.outline, max_audio_s=kind.audio.window_s or 0)
    needs.announce(needs.embedding(loaded(outline, record.folder, record.record), chosen.batch_audio_s))
    encoder = kind.encoder(record, str(device), model.dtype, plan.encoder_layers, plan.project)
    decoder = None
    if plan.lm_layers is not None:
        decoder = kind.decoder(
            record, str(device), model.dtype, model.attention, layers=plan.lm_layers, head=False
        )
    own = [clip for clip in read_manifest(index) if clip.status != "unused"]
    parts = [encoder.tower, None if decoder is None else decoder.model]
    durations = [clip.duration_s for clip in own if clip.ok]
    print(estimate.line(output[0].stem, cost, durations, parts, DTYPES[model.dtype]), flush=True)
    extractor = Extractor(
        encoder=encoder,
        decoder=decoder,
        plan=plan,
        layers=wanted,
        pooling=block.pooling,
        span=block.span,
        dtype=DTYPES[block.dtype],
        prompt=block.prompt,
        system=block.system,
        audio=kind.hears(model.projector),
        overlap_s=block.overlap_s,
        batch_tokens=kind.hears(model.projector).tokens(chosen.batch_audio_s),
    )
    metadata = {
        "model": model.name,
        "model_digest": record.digest,
        "model_origin": json.dumps(record.record["origin"], sort_keys=True),
        "labels": ",".join(model.labels),
        "source": chosen.source,
        "device": devices.describe(device),
        "dtype": model.dtype,
        "prompt": block.prompt,
        "code": code,
    }
    outputs = dict(zip(block.layers, output, strict=True))
    job.Shard(extractor, depth, own, outputs, metadata).run(
        shard, kind.audio.sample_rate, chosen.batch_audio_s
    )


if __name__ == "__main__":
    cli.run(main)
