"""Train the embedded model on a task: from its training shards to a checkpoint of the real class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from earmark import cli, shards
from earmark import device as devices
from earmark.files import write_json
from earmark.models.checkpoint import describe_folder
from earmark.models.tiny import build_extractor
from earmark.records import read_manifest
from earmark.training.crops import TrainingClip
from earmark.training.listener import ListenerSettings, train


def main(
    shard: Annotated[list[Path], typer.Option(help="tar of training clips, repeat")],
    index: Annotated[list[Path], typer.Option(help="index of each tar, repeat")],
    settings: Annotated[str, typer.Option(help="JSON: the model's train section")],
    output: Annotated[Path, typer.Option(help="record of the checkpoint to write; the weights go beside it")],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training continues from")],
    threads: int = 1,
) -> None:
    """Train, then record the checkpoint."""
    devices.prepare("cpu", threads)
    labels = {clip.key: clip.labels[0] for path in index for clip in read_manifest(path) if clip.ok}
    extractor = build_extractor()
    clips = []
    with tqdm(total=len(labels), desc="log-mel", unit="clip", mininterval=1.0) as bar:
        for tar in shard:
            for key, samples in shards.stream(tar, extractor.sampling_rate):
                mel = extractor(
                    samples,
                    sampling_rate=extractor.sampling_rate,
                    padding="longest",
                    truncation=False,
                    return_tensors="np",
                ).input_features[0]
                clips.append(TrainingClip(key, labels[key], mel.astype(np.float16)))
                bar.update()
    record = train(clips, ListenerSettings.from_mapping(json.loads(settings)), output.parent, work)
    write_json(output.parent / "training.json", record.to_dict())
    write_json(
        output, describe_folder(output.parent, {"trained": record.to_dict()["settings"]}, output.parent)
    )


if __name__ == "__main__":
    cli.run(main)
