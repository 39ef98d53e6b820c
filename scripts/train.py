"""Train the demo model on a task: from its training shards to a checkpoint of the real class.

A task of multiple choice is trained by the recipe ``listener``, one of transcripts by ``transcriber``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from earmark.core import cli, devices
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.core.progress import tqdm
from earmark.core.records import read_manifest
from earmark.data import shards
from earmark.models.checkpoint import describe_folder
from earmark.models.tiny import build_extractor


def main(
    shard: Annotated[list[Path], typer.Option(help="tar of training clips, repeat")],
    index: Annotated[list[Path], typer.Option(help="index of each tar, repeat")],
    settings: Annotated[str, typer.Option(help="JSON file: the recipe's name and its settings")],
    output: Annotated[Path, typer.Option(help="record of the checkpoint to write; the weights go beside it")],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training continues from")],
    threads: int = 1,
) -> None:
    """Train, then record the checkpoint."""
    devices.prepare("cpu", threads)
    chosen = given(settings)
    recipe = importlib.import_module(f"earmark.training.recipes.{chosen.pop('recipe', 'listener')}")
    manifest = {clip.key: clip for path in index for clip in read_manifest(path) if clip.ok}
    extractor = build_extractor()
    clips = []
    with tqdm(total=len(manifest), desc="log-mel", unit="clip") as bar:
        for tar in shard:
            for key, samples in shards.stream(tar, extractor.sampling_rate):
                mel = extractor(
                    samples,
                    sampling_rate=extractor.sampling_rate,
                    padding="longest",
                    truncation=False,
                    return_tensors="np",
                ).input_features[0]
                clips.append(recipe.recording(manifest[key], mel.astype(np.float16)))
                bar.update()
    record = recipe.train(clips, recipe.Settings.from_mapping(chosen), output.parent, work)
    write_json(output.parent / "training.json", record.to_dict())
    write_json(
        output, describe_folder(output.parent, {"trained": record.to_dict()["settings"]}, output.parent)
    )


if __name__ == "__main__":
    cli.run(main)
