"""What a suite's files say, carried into another working directory: files inlined, paths made absolute.

A result carries the configuration that makes it. A file that a suite names may be gone or changed when the
result is made again, and its relative paths start where it was used, so what it says is carried in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import PlainSerializer, SerializationInfo

from earmark.config.links import Tour
from earmark.config.yaml_files import read_yaml
from earmark.systems.encoders import presets
from earmark.systems.encoders.blocks import EvalBlock, TrainFile

Carried = str | dict[str, Any]


def _of_file(content: Callable[[Any, str, Tour], dict[str, Any]]) -> PlainSerializer:
    """Mark a field with a preset's name or a file's path; ``content`` makes what is carried of the file."""

    def carried(said: Any, info: SerializationInfo) -> Any:
        tour = info.context
        if not isinstance(said, str) or said in presets.NAMES or not isinstance(tour, Tour):
            return said
        path = Path(said).expanduser()
        if tour.workdir is None or not (tour.workdir / path).is_file():
            return tour.placed(said)
        return content(read_yaml(tour.workdir / path), said, tour)

    return PlainSerializer(carried)


def _training(said: Any, where: str, tour: Tour) -> dict[str, Any]:
    return TrainFile.read(said, where).model_dump(mode="json", context=tour, exclude_unset=True)


def _evaluation(said: Mapping[str, Any], where: str, tour: Tour) -> dict[str, Any]:
    return {
        name: EvalBlock.read(block, f"{where}: {name}").model_dump(
            mode="json", context=tour, exclude_unset=True
        )
        for name, block in said.items()
    }


def _blocks(said: dict[str, Any], info: SerializationInfo) -> dict[str, Any]:
    """Return an evaluation that is written out in the suite, its paths made absolute."""
    tour = info.context
    if not isinstance(tour, Tour) or tour.workdir is None:
        return said
    return _evaluation(said, "eval", tour)


TRAINING, EVALUATION, BLOCKS = _of_file(_training), _of_file(_evaluation), PlainSerializer(_blocks)
"""For the fields of a suite: a file to train on, a file of an evaluation, an evaluation written out."""
