"""AudioMarathon's tasks from a local folder in the layout of the published data set.

One root per split: ``root/test`` or ``root`` itself for the published test data (there is no
published training split). Layouts: spec audiomarathon, section 2.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from earmark.audio import AudioError, probe
from earmark.errors import UserError
from earmark.files import sha256
from earmark.records import Clip, Part

GTZAN_JSON = "GTZAN/concatenated_audio/music_genre_classification_meta.json"
GTZAN_AUDIO = "GTZAN/concatenated_audio/wav"


def collect(settings: dict[str, Any], folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per item of the task's JSON.

    ``settings``: ``root`` (the data set's folder), ``licence``.

    Raises:
        UserError: the folder or its JSON is missing or not what the layout says.

    """
    return read_gtzan(Path(settings["root"]).expanduser(), "test", settings.get("licence", ""))


def read_gtzan(root: Path, split: str, licence: str) -> Iterator[Clip]:
    """Read GTZAN's list of long clips below ``root``.

    Raises:
        UserError: the list is missing, is not JSON, or an item lacks a field.

    """
    path = root / GTZAN_JSON
    if not path.is_file():
        raise UserError(f"data.source.root: {path} is missing; the layout is that of the published data set")
    try:
        items = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON ({error})") from None
    for number, item in enumerate(
        tqdm(items, desc=f"reading headers ({split})", unit="file", mininterval=1.0)
    ):
        try:
            options = [item[f"choice_{letter}"] for letter in "abcd"]
            truth = options["ABCD".index(item["answer_gt"])]
            audio, question, uid = root / GTZAN_AUDIO / item["path"], item["question"], str(item["uniq_id"])
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{path}: item {number} lacks or garbles a field ({error})") from None
        yield _row(audio, root, uid, split, truth, question, options, licence)


def _row(
    audio: Path, root: Path, uid: str, split: str, truth: str, question: str, options: list[str], licence: str
) -> Clip:
    """Return a manifest row, failed with its reason where the audio can't be used."""
    clip = Clip(
        clip_id=f"{split}-{uid}",
        # Each split has a root of its own, so a file's name alone may stand for two recordings.
        source_id=[f"{split}/{audio.relative_to(root).as_posix()}"],
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
    try:
        if not audio.resolve().is_relative_to(root.resolve()):
            raise AudioError("leads out of the folder")
        header = probe(audio)
    except AudioError as error:
        clip.fail(str(error))
        return clip
    clip.parts = [Part(str(audio), 0.0, header.duration_s)]
    clip.duration_s, clip.sample_rate, clip.channels = header.duration_s, header.sample_rate, header.channels
    clip.sha256 = sha256(audio)
    return clip
