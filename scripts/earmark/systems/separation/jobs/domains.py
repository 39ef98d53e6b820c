"""The partition of a task's classes, and the manifest of each domain's clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from earmark.core import devices, provenance
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.progress import tqdm
from earmark.core.records import Clip, write_manifest
from earmark.core.seeding import generator
from earmark.systems.separation import partition
from earmark.systems.separation.asked import Partition as Asked
from earmark.systems.separation.partition import Domain
from earmark.systems.separation.query import load
from earmark.systems.separation.query.contract import AudioEncoder, Vectors
from earmark.systems.separation.sounds import Sounds


def make(
    settings: Asked,
    indexes: Sequence[Path],
    output: Path,
    manifests: Mapping[str, Path],
    code: str,
    threads: int,
) -> None:
    """Group a task's classes by how their training clips sound.

    Args:
        settings: the task, and how its classes are grouped.
        indexes: of the training shards.
        output: the partition to write (JSON), last.
        manifests: by the domain's name, the manifest of its clips to write.
        code: digest of the code.
        threads: of this process.

    Raises:
        UserError: there are too few classes, or a user's own domains don't fit them.

    """
    keys, seed = settings.partition, settings.seed
    device = devices.prepare(settings.device, threads)
    sounds = Sounds.read(indexes, 1.0)
    numbers = _some_of_each(sounds, keys.clips_per_class, seed)
    encoder = load.audio_encoder(keys.encoder, settings.text, device)
    vectors, labels = _embedded(sounds, numbers, encoder)
    classes = partition.means(vectors, labels, keys.as_published)
    domains = (
        partition.given(keys.groups, classes.names)
        if keys.groups
        else partition.grouped(classes, keys.domains, seed, keys.as_published)
    )
    for domain in domains:
        write_manifest(manifests[domain.name], _clips(sounds, domain))
    content = {
        "schema": "earmark/separation-partition/1",
        "task": settings.task,
        "encoder": keys.encoder,
        "own": bool(keys.groups),
        "domains": [{"name": each.name, "classes": list(each.classes)} for each in domains],
        "classes": [
            {"name": name, "clips": count} for name, count in zip(classes.names, classes.clips, strict=True)
        ],
        "means": [[round(float(value), 6) for value in row] for row in classes.means],
        "curve": partition.curve(vectors, labels, keys.candidates, seed, keys.as_published),
        "provenance": provenance.record(code),
    }
    write_json(output, content)
    print("; ".join(f"{each.name}: {', '.join(each.classes[:8])}" for each in domains), flush=True)


def _clips(sounds: Sounds, domain: Domain) -> list[Clip]:
    wanted = set(domain.classes)
    return [clip for clip in sounds.clips if wanted & set(clip.labels)]


def _some_of_each(sounds: Sounds, most: int, seed: int) -> list[int]:
    """Return the numbers of at most so many clips of each class, drawn by the seed."""
    chosen: set[int] = set()
    for label in sounds.labels:
        found = [number for number, clip in enumerate(sounds.clips) if label in clip.labels]
        order = generator(seed, "partition", label).permutation(len(found))
        chosen |= {found[place] for place in order[:most]}
    return sorted(chosen)


def _embedded(
    sounds: Sounds, numbers: Sequence[int], encoder: AudioEncoder
) -> tuple[Vectors, list[list[str]]]:
    """Return the vectors and labels of the clips that can be decoded, each brought to the same peak."""
    vectors, labels = [], []
    for number in tqdm(numbers, desc="listening", unit="clip"):
        wave = sounds.wave(number)
        if wave is None or not np.any(wave):
            continue  # silence sounds like no class; what cannot be decoded is counted by `Sounds`
        vectors.append(encoder.recordings([wave / np.abs(wave).max()])[0])
        labels.append(sounds.clips[number].labels)
    if not vectors:
        raise UserError("no training clip could be heard: all are silent or damaged")
    return np.stack(vectors), labels
