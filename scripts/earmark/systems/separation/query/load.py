"""The encoders that config names."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from earmark.config.wheel import Wheel
from earmark.core.errors import UserError
from earmark.models.weights.wheels import extract
from earmark.systems.separation.query.contract import AudioEncoder, TextEncoder
from earmark.systems.separation.query.logmel import LogMel
from earmark.systems.separation.query.spelled import Spelled


def text_encoder(
    settings: Mapping[str, Any], device: torch.device, wheels: Sequence[Path] = ()
) -> TextEncoder:
    """Return the text encoder of a separator's ``text``.

    Args:
        settings: the ``text``.
        device: to compute on.
        wheels: that the encoder lies in; where none are given, those of the folder ``wheels``.

    Raises:
        UserError: its files can't be read.

    """
    if settings["kind"] == "spelled":
        return Spelled(settings["size"])
    if settings["kind"] == "sentence":
        return _sentence(settings, device, wheels)
    return _clap(settings, device)


def _sentence(settings: Mapping[str, Any], device: torch.device, wheels: Sequence[Path]) -> TextEncoder:
    from earmark.systems.separation.query.sentence import Sentence

    if "wheel" not in settings:
        return Sentence(Path(settings["path"]).expanduser(), device)
    source = Wheel.model_validate(settings["wheel"])
    places = wheels or [Path(package.path) for package in source.packages]
    for place in places:
        if not place.is_file():
            raise UserError(
                f"{place} is missing: the text encoder lies in it; `snakemake {place}` fetches it, with the "
                "config that names the separator"
            )
    with tempfile.TemporaryDirectory() as folder:
        extract(source, places, Path(folder))
        return Sentence(Path(folder), device)


def audio_encoder(kind: str, text: Mapping[str, Any], device: torch.device) -> AudioEncoder:
    """Return the encoder of recordings, ``clap`` (with the files of a separator's text) or ``logmel``."""
    return _clap(text, device) if kind == "clap" else LogMel()


def _clap(settings: Mapping[str, Any], device: torch.device) -> Any:
    from earmark.systems.separation.query.clap import Clap

    checkpoint, tokenizer = (Path(settings[key]).expanduser() for key in ("checkpoint", "tokenizer"))
    return Clap.load(checkpoint, tokenizer, device)
