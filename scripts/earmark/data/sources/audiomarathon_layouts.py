"""How AudioMarathon's ten tasks lie on disk, read to one kind of item.

Seven tasks are a JSON list of questions beside the audio and differ in file and field names: the table
``LISTS``. The others have readers of their own: HAD's classes are folders, LibriSpeech's transcripts
lie beside the recordings, VoxCeleb's lists give the answer in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.scoring.question import LETTERS

AUDIO_FILES = {".wav", ".flac", ".mp3", ".ogg"}


@dataclass(frozen=True)
class Item:
    """One question about one recording.

    ``label`` is the right answer as the options spell it (the speaker where the answer is a transcript);
    ``text`` the question, or the transcript; ``options`` are empty where the task has fixed ones;
    ``failure`` says what else than the audio is missing.
    """

    uid: str
    audio: Path
    label: str
    text: str = ""
    options: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True)
class Listing:
    """A task that is a JSON list.

    ``lists`` and ``folders``: where the list may lie and what its paths are relative to, below the root;
    the first that exists counts. ``groups``: facet -> field. ``fixed``: the options are the task's own.
    """

    lists: tuple[str, ...]
    folders: tuple[str, ...]
    path: str = "path"
    answer: str = "answer_gt"
    letters: str = "abcd"
    groups: Mapping[str, str] = field(default_factory=dict)
    uid: tuple[str, ...] = ("uniq_id",)
    fixed: bool = False


LISTS: dict[str, Listing] = {
    "desed": Listing(
        (
            "DESED/DESED_dataset/concatenated_audio/desed_sound_event_detection_task.json",
            "DESED/DESED_dataset/desed_sound_event_detection_task.json",
        ),
        ("DESED/DESED_dataset/concatenated_audio", "DESED/DESED_dataset", "DESED"),
        groups={"task_type": "task_type"},
    ),
    "gtzan": Listing(
        ("GTZAN/concatenated_audio/music_genre_classification_meta.json",),
        ("GTZAN/concatenated_audio/wav", "GTZAN/concatenated_audio"),
    ),
    "race": Listing(
        ("race_audio/race_benchmark.json",),
        ("race_audio",),
        path="audio_path",
        answer="answer",
        uid=("id", "question_idx"),
    ),
    "slue": Listing(("SLUE/merged_audio_data.json",), ("SLUE",), groups={"task_name": "task_name"}),
    "tau": Listing(
        ("TAU/concatenated_resampled/acoustic_scene_task_meta.json",),
        ("TAU/concatenated_resampled",),
        groups={"scene": "scene_label"},
    ),
    "vesus": Listing(
        ("VESUS/audio_emotion_dataset.json",),
        ("VESUS",),
        groups={"emotion": "emotion_label", "person": "person_id"},
        uid=("path",),
    ),
    "vox_gender": Listing(
        ("VoxCeleb/concatenated_audio/gender_id_task_meta.json",),
        ("VoxCeleb/concatenated_audio/wav", "VoxCeleb/concatenated_audio"),
        groups={"speaker": "speaker_id_original"},
        uid=("path",),
        fixed=True,
    ),
    "vox_age": Listing(
        ("VoxCeleb/concatenated_audio/age_classification_task_meta.json",),
        ("VoxCeleb/concatenated_audio/wav", "VoxCeleb/concatenated_audio"),
        letters="abcde",
        groups={"speaker": "speaker_id_original"},
        uid=("path",),
    ),
}

HAD = "HAD/concatenated_audio"
LIBRISPEECH = ("librispeech-long/test-clean", "librispeech-long")


def folder_of(task: str) -> str:
    """Return the folder below the root that holds all of a task's files."""
    place = {"had": HAD, "librispeech": LIBRISPEECH[-1]}.get(task) or LISTS[task].lists[0]
    return place.split("/")[0]


def items(task: str, root: Path) -> Iterator[Item]:
    """Yield a task's items in a fixed order.

    Raises:
        UserError: the task is unknown, or a list is missing or garbled.

    """
    if task in LISTS:
        return _listed(LISTS[task], root, task)
    others: dict[str, Callable[[Path], Iterator[Item]]] = {"had": _had, "librispeech": _librispeech}
    if task not in others:
        raise UserError(f"data.source.task: unknown task '{task}'; {nearest(task, [*LISTS, *others])}")
    return others[task](root)


def _listed(listing: Listing, root: Path, task: str) -> Iterator[Item]:
    """Yield the items of a JSON list; one that garbles a field is named by its number."""
    path = next((root / name for name in listing.lists if (root / name).is_file()), root / listing.lists[0])
    if not path.is_file():
        raise _missing(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not JSON ({error})") from None
    if isinstance(content, dict):
        content = content.get("tasks")
    if not isinstance(content, list):
        raise UserError(f"{path} is not a list of items")
    for number, entry in enumerate(content):
        try:
            yield _item(listing, root, entry, task)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise UserError(f"{path}: item {number} lacks or garbles a field ({error})") from None


def _missing(path: Path) -> UserError:
    return UserError(f"data.source.root: {path} is missing; the layout is that of the published data set")


def _item(listing: Listing, root: Path, entry: Json, task: str) -> Item:
    """Return one entry of a list as an item."""
    nested = entry.get("audio")
    name = nested["path"] if listing.path not in entry and isinstance(nested, dict) else entry[listing.path]
    if not isinstance(name, str) or not name:
        raise ValueError(f"{listing.path}: {name!r}")
    options = () if listing.fixed else _options(entry, listing.letters)
    label = str(entry[listing.answer]).strip().lower() if listing.fixed else _right(entry, listing, options)
    found = {facet: entry.get(key) for facet, key in listing.groups.items()}
    if task == "race":
        found["level"] = next((level for level in ("high", "middle") if level in name), None)
    if task == "vesus" and found["person"] is not None:
        found["person"] = str(found["person"]).lower().removeprefix("person").strip("_ ")
    uid = "-".join(str(entry[key]) for key in listing.uid if entry.get(key) is not None) or name
    return Item(
        uid,
        _below(root, listing.folders, name),
        label,
        str(entry.get("question") or "") if listing.fixed else _text(entry["question"]),
        options,
        {facet: str(value) for facet, value in found.items() if value is not None},
    )


def _options(entry: Json, letters: str) -> tuple[str, ...]:
    """Return the options: a list, ``choices`` by capital letter, or ``choice_a`` and so on."""
    if isinstance(entry.get("options"), list):
        return tuple(_text(option) for option in entry["options"])
    if isinstance(entry.get("choices"), dict):
        return tuple(_text(entry["choices"][letter.upper()]) for letter in letters)
    return tuple(_text(entry[f"choice_{letter}"]) for letter in letters)


def _text(value: Any) -> str:
    """Return a text; what is no text is no option and no question."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value.strip()


def _right(entry: Json, listing: Listing, options: Sequence[str]) -> str:
    """Return the right option, given as its letter or in full."""
    answer = _text(entry[listing.answer])
    known = LETTERS[: len(options)]
    if len(answer) == 1 and answer.upper() in known:
        return options[known.index(answer.upper())]
    same = [option for option in options if option.casefold() == answer.casefold()]
    if len(same) != 1:
        raise ValueError(f"the answer {answer!r} is none of {list(options)}")
    return same[0]


def _below(root: Path, folders: Sequence[str], name: str) -> Path:
    """Return where a listed file is: below the first folder that has it, else below the first."""
    places = [root / folder / name for folder in folders]
    return next((place for place in places if place.is_file()), places[0])


def _recordings(folder: Path) -> Iterator[Path]:
    """Yield audio files below a folder, sorted: directory listings have no order of their own."""
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in AUDIO_FILES)


def _had(root: Path) -> Iterator[Item]:
    """HAD: a folder per class."""
    for label in ("real", "fake"):
        folder = root / HAD / label
        if not folder.is_dir():
            raise _missing(folder)
        for path in _recordings(folder):
            yield Item(f"{label}/{path.name}", path, label)


def _librispeech(root: Path) -> Iterator[Item]:
    """LibriSpeech-long: speaker/chapter/recordings, transcripts beside them."""
    folder = next((root / name for name in LIBRISPEECH if (root / name).is_dir()), None)
    if folder is None:
        raise _missing(root / LIBRISPEECH[0])
    for chapter in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        speaker = chapter.parent.name
        lines = _transcripts(chapter / f"{speaker}-{chapter.name}.trans.txt")
        for path in _recordings(chapter):
            beside = path.with_suffix(".txt")
            words = _read(beside) if beside.is_file() else lines.get(path.stem, "")
            yield Item(
                f"{speaker}/{chapter.name}/{path.name}",
                path,
                speaker,
                words,
                groups={"speaker": speaker},
                failure="" if words else "no transcript",
            )


def _transcripts(path: Path) -> dict[str, str]:
    """Return a chapter's transcripts by utterance: lines of a name, a space and the words."""
    lines = _read(path).splitlines() if path.is_file() else []
    return {name: words.strip() for name, _, words in (line.strip().partition(" ") for line in lines) if name}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()
