"""Time prefill against keep ratio: from a checkpoint to a timing record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices, provenance
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.models import needs
from earmark.models.checkpoint import Checkpoint
from earmark.models.families import family
from earmark.models.loading import parameter_count
from earmark.models.outline import loaded
from earmark.systems.pruning import prefill
from earmark.systems.pruning.asked import Prefill
from earmark.systems.pruning.stopwatch import by_processor


def main(
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[
        str, typer.Option(help="JSON file: model, methods, ratios, audio_s, repeats, seed, device")
    ],
    output: Annotated[Path, typer.Option(help="timing record to write (JSON)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
    threads: int = 1,
) -> None:
    """Measure every method and ratio in pairs with the unpruned model."""
    chosen = Prefill.read(given(settings), "--settings")
    entry = chosen.model
    device = devices.prepare(chosen.device, threads)
    kind = family(entry.kind)
    model = Checkpoint.read(checkpoint)
    outline = replace(entry.outline, load=entry.load, max_audio_s=chosen.audio_s)
    needs.announce(needs.evaluating(loaded(outline, model.folder, model.record), chosen.audio_s))
    decoder = kind.decoder(model, str(device), entry.dtype, entry.attention, load=entry.load)
    tokens = kind.hears(entry.projector).tokens(chosen.audio_s)
    on_processor = by_processor(device)
    points, prompt = prefill.measure(
        decoder, chosen.methods, chosen.ratios, tokens, chosen.repeats, chosen.seed, on_processor
    )
    record = {
        "schema": "earmark/timing/1",
        "labels": entry.labels,
        "model": entry.name,
        "parameters": parameter_count(decoder.model, decoder.head),
        "audio_s": chosen.audio_s,
        "audio_tokens": tokens,
        "prompt_tokens": prompt,
        "layer": max(point["layer"] for point in points),
        "repeats": chosen.repeats,
        "clock": "processor" if on_processor else "wall",
        "alone": chosen.alone,
        "device": devices.describe(device),
        "dtype": entry.dtype,
        "attention": entry.attention,
        "threads": threads,
        "points": points,
        "provenance": provenance.repeatable(
            provenance.record(code) | {"config": chosen.plain(), "model": model.record}, again
        ),
    }
    write_json(output, record)


if __name__ == "__main__":
    cli.run(main)
