"""The encoders that config names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from earmark.systems.separation.query.contract import AudioEncoder, TextEncoder
from earmark.systems.separation.query.logmel import LogMel
from earmark.systems.separation.query.spelled import Spelled


def text_encoder(settings: Mapping[str, Any], device: torch.device) -> TextEncoder:
    """Return the text encoder of a separator's ``text``; raises UserError if its files can't be read."""
    if settings["kind"] == "spelled":
        return Spelled(settings["size"])
    if settings["kind"] == "sentence":
        from earmark.systems.separation.query.sentence import Sentence

        return Sentence(Path(settings["path"]).expanduser(), device)
    return _clap(settings, device)


def audio_encoder(kind: str, text: Mapping[str, Any], device: torch.device) -> AudioEncoder:
    """Return the encoder of recordings, ``clap`` (with the files of a separator's text) or ``logmel``."""
    return _clap(text, device) if kind == "clap" else LogMel()


def _clap(settings: Mapping[str, Any], device: torch.device) -> Any:
    from earmark.systems.separation.query.clap import Clap

    checkpoint, tokenizer = (Path(settings[key]).expanduser() for key in ("checkpoint", "tokenizer"))
    return Clap.load(checkpoint, tokenizer, device)
