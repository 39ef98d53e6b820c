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


def _carrying(content: Callable[[Any, str, Tour], dict[str, Any]]) -> PlainSerializer:
    """Mark a field: a preset's name, a file's path, or what such a file says; ``content`` moves the last."""

    def carried(said: Any, info: SerializationInfo) -> Any:
        tour = info.context
        if not isinstance(tour, Tour) or not isinstance(said, str | dict) or said in [*presets.NAMES]:
            return said
        if isinstance(said, dict):
            return content(said, "eval", tour)
        file = (tour.workdir or Path()) / Path(said).expanduser()
        placed = tour.placed(said)
        return content(read_yaml(file), said, tour) if file.is_file() else placed

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


TRAINING, EVALUATION = _carrying(_training), _carrying(_evaluation)
"""For what a suite trains on and evaluates."""
