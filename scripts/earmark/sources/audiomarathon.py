"""AudioMarathon's tasks in the layout of the published data set, from a local folder or the hub.

One root per split: ``root/test`` or ``root`` itself for the published test data (there is no
published training split). Layouts: spec audiomarathon, section 2.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earmark.errors import UserError
from earmark.records import Clip, Part
from earmark.sources.recordings import with_headers

GTZAN_JSON = "GTZAN/concatenated_audio/music_genre_classification_meta.json"
GTZAN_AUDIO = "GTZAN/concatenated_audio/wav"


def wanted(settings: dict[str, Any]) -> list[str]:
    """Return which files of the hub data set are needed; all of it is near 60 GB."""
    return ["GTZAN/*"]


def collect(settings: dict[str, Any], folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per item of the task's JSON.

    ``settings``: ``root`` (the data set's folder), ``licence``.

    Raises:
        UserError: the folder or its JSON is missing or not what the layout says.

    """
    root = Path(settings["root"]).expanduser()
    return read_gtzan(root, "test", settings.get("licence", ""), threads, hub="hub" in settings)


def read_gtzan(
    root: Path, split: str, licence: str, threads: int = 1, *, hub: bool = False
) -> Iterator[Clip]:
    """Read GTZAN's list of long clips below ``root``.

    Raises:
        UserError: the list is missing, is not JSON, or an item lacks a field.

    """
    yield from with_headers(_items(root, split, licence), root, threads, hub=hub)


def _items(root: Path, split: str, licence: str) -> Iterator[Clip]:
    """Yield the items of the list, their files not looked at yet."""
    path = root / GTZAN_JSON
    if not path.is_file():
        raise UserError(f"data.source.root: {path} is missing; the layout is that of the published data set")
    try:
        items = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON ({error})") from None
    for number, item in enumerate(items):
        try:
            options = [item[f"choice_{letter}"] for letter in "abcd"]
            truth = options["ABCD".index(item["answer_gt"])]
            audio, question, uid = root / GTZAN_AUDIO / item["path"], item["question"], str(item["uniq_id"])
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{path}: item {number} lacks or garbles a field ({error})") from None
        yield Clip(
            clip_id=f"{split}-{uid}",
            # Each split has a root of its own, so a file's name alone may stand for two recordings.
            source_id=[f"{split}/{GTZAN_AUDIO}/{item['path']}"],
            parts=[Part(str(audio), 0.0, 0.0)],
            duration_s=0.0,
            sample_rate=0,
            channels=0,
            split=split,
            labels=[truth],
            text=question,
            options=options,
            licence=licence,
        )
