"""Synthetic stand-ins of AudioMarathon's tasks: small seeded data in each task's real layout.

Every class has a sound of its own (pitch, timbre, beat), so that there is something to hear; GTZAN's
stand-in with more to it is :mod:`earmark.data.sources.synthetic_music`. The transcription task is words made
of tones (:mod:`earmark.data.sources.synthetic_words`). The files are read back through the reader of the
real layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earmark.config.source import ClipsPerClass
from earmark.config.sources.synthetic_marathon import Source, Utterances
from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.core.records import Clip
from earmark.core.seeding import generator
from earmark.data.sources.audiomarathon import read
from earmark.data.sources.audiomarathon_layouts import HAD, LIBRISPEECH, LISTS
from earmark.data.sources.synthetic_words import SAMPLE_RATE, WORDS, speak
from earmark.scoring.question import draw_options

LICENCE = "CC0-1.0 (synthetic, made by earmark)"
SPEAKERS = ("1001", "1002", "1003")
CLASSES: dict[str, tuple[str, ...]] = {
    "desed": ("alarm", "blender", "cat", "dishes", "dog", "frying", "speech", "vacuum cleaner"),
    "had": ("real", "fake"),
    "race": ("by train", "at the market", "two tickets", "because it rained", "his sister", "nobody knows"),
    "slue": ("1", "2", "3", "4", "5"),
    "tau": ("airport", "bus", "metro_station", "park", "shopping_mall", "tram"),
    "vesus": (
        "angry: loud and sharp",
        "happy: bright and quick",
        "sad: low and slow",
        "fearful: thin and trembling",
        "monotone: without any change",
    ),
    "vox_gender": ("male", "female"),
    "vox_age": (
        "Young Adult (18-30)",
        "Early Career (31-40)",
        "Mid Career (41-50)",
        "Senior (51-70)",
        "Elderly (71+)",
    ),
}
QUESTIONS = {
    "desed": "Which sound is heard most often?",
    "race": "What does the passage say?",
    "slue": "How many names are mentioned?",
    "tau": "Where was this recorded?",
    "vesus": "Which emotion is expressed?",
    "vox_gender": "Is the speaker male or female?",
    "vox_age": "How old is the speaker?",
}


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Render the splits and yield their recordings."""
    task = settings.task
    for split, wanted in settings.splits.items():
        root = folder / split
        if isinstance(wanted, Utterances):
            _read_aloud(root, split, wanted, seed)
        else:
            _sounds(task, root, split, wanted, seed)
        yield from read(task, root, split, LICENCE, threads)


def _sounds(task: str, root: Path, split: str, wanted: ClipsPerClass, seed: int) -> None:
    """Write the recordings of a task of choices and, unless folders are its classes, its list."""
    classes, entries = CLASSES[task], []
    orders = [(index, take) for take in range(wanted.clips_per_class) for index in range(len(classes))]
    for number, (index, take) in enumerate(tqdm(orders, desc=f"rendering {split}", unit="clip")):
        rng = generator(seed, task, split, str(index), str(take))
        name = _name(task, classes[index], index, take)
        place = f"{HAD}/{name}" if task == "had" else f"{LISTS[task].folders[0]}/{name}"
        _write(root / place, sound(index, rng.uniform(wanted.min_s, wanted.max_s), rng))
        if task != "had":
            entries.append(_entry(task, name, classes[index], number, seed))
    if entries:
        content = {"tasks": entries} if task == "desed" else entries
        (root / LISTS[task].lists[0]).write_text(json.dumps(content, indent=1) + "\n")


def _name(task: str, label: str, index: int, take: int) -> str:
    """Return a recording's name below the task's folder, as the real ones are called."""
    word = label.partition(":")[0]
    names = {
        "had": f"{label}/HAD_train_{label}_{take}.wav",
        "race": f"{'high' if (index + take) % 2 else 'middle'}/{index:02d}{take:03d}.wav",
        "slue": f"dev/mixed_concatenated_audio/mixed_{index}_{take}.wav",
        "vesus": f"{take % 3 + 1}/person_{take % 3 + 1}_{word.capitalize()}_sentences_{take:03d}.wav",
        "vox_gender": f"id{10001 + 10 * take + index}/id{10001 + 10 * take + index}_segment_1.wav",
        "vox_age": f"id{20001 + 10 * take + index}/id{20001 + 10 * take + index}_segment_1.wav",
    }
    return names.get(task, f"{word.replace(' ', '_')}_segment_{take}.wav")


def _entry(task: str, name: str, label: str, number: int, seed: int) -> Json:
    """Return an item of a task's list, with the real one's fields."""
    if task == "vox_gender":
        own: Json = {"answer_gt": label.capitalize(), "speaker_id_original": name.split("/")[0]}
        return {"path": name, "question": QUESTIONS[task], "uniq_id": number, **own}
    count = 5 if task == "vox_age" else 4
    options = (
        list(CLASSES[task])
        if task == "vox_age"
        else draw_options(label, CLASSES[task], count, seed, f"{task}-{name}")
    )
    letter = "ABCDE"[options.index(label)]
    if task == "race":
        own = {"options": options, "answer": letter, "id": number, "question_idx": 0}
        return {"audio_path": name, "question": QUESTIONS[task], **own}
    entry: Json = {"path": name, "question": QUESTIONS[task], "answer_gt": letter}
    entry["uniq_id"] = f"{task}-{number}"
    if task == "desed":
        kind = "counting" if number % 2 else "detection"
        return entry | {"choices": dict(zip("ABCD", options, strict=True)), "task_type": kind}
    entry |= {f"choice_{mark}": option for mark, option in zip("abcde", options, strict=False)}
    fields: dict[str, Json] = {
        "slue": {"task_name": "named_entity_count", "dataset_name": "SLUE (synthetic stand-in)"},
        "tau": {"scene_label": label},
        "vesus": {"emotion_label": label.partition(":")[0], "person_id": name.split("/")[0]},
        "vox_age": {"answer_gt": label, "speaker_id_original": name.split("/")[0], "speaker_age": 30},
    }
    return entry | fields.get(task, {})


def sound(index: int, seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the sound of a class: a tone of its own pitch and timbre, beating at its own rate, in noise.

    Mono at `SAMPLE_RATE`, shape [round(seconds * SAMPLE_RATE)], peak 0.5.
    """
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 140.0 * 2 ** (index * 5 / 12) * rng.uniform(0.97, 1.03)
    partials = sum(
        (0.3 + 0.1 * (index % 4)) ** order * np.sin(2 * np.pi * pitch * (order + 1) * time)
        for order in range(5)
        if pitch * (order + 1) < 7000
    )
    beat = 0.6 + 0.4 * np.sin(2 * np.pi * (1 + index) * time + rng.uniform(0, 2 * np.pi))
    wave = partials * beat + 0.05 * rng.standard_normal(len(time))
    return np.asarray(0.5 * wave / np.abs(wave).max(), np.float32)


def _read_aloud(root: Path, split: str, wanted: Utterances, seed: int) -> None:
    """Write chapters of words read out, a transcript file to each, by speakers of different pitch."""
    lines: dict[Path, list[str]] = {}
    for number in tqdm(range(wanted.utterances), desc=f"rendering {split}", unit="clip"):
        rng = generator(seed, "librispeech", split, str(number))
        speaker = SPEAKERS[number % len(SPEAKERS)]
        count = int(rng.integers(wanted.min_words, wanted.max_words + 1))
        # No word twice in an utterance: so small a model finds its place by the word it said last.
        words = tuple(WORDS[index] for index in rng.permutation(len(WORDS))[:count])
        chapter = root / LIBRISPEECH[0] / speaker / "1"
        name = f"{speaker}-1-{number:04d}"
        _write(chapter / f"{name}.flac", speak(words, rng, pitch=0.97 + 0.03 * SPEAKERS.index(speaker)))
        lines.setdefault(chapter / f"{speaker}-1.trans.txt", []).append(f"{name} {' '.join(words).upper()}")
    for path, texts in lines.items():
        path.write_text("\n".join(texts) + "\n")


def _write(path: Path, samples: NDArray[np.float32]) -> None:
    """Write a recording in the format of its name, 16 bits a sample."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
