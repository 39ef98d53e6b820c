"""Synthetic long-audio music, in the layout of AudioMarathon's GTZAN task; seeded, labelled as such.

Every long clip is joined from recordings of one made-up genre, as the real ones are. The files are
read back through the reader of the real layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.audio import waveform as audio
from earmark.config.source import ClipsPerClass
from earmark.config.sources.synthetic_music import Source
from earmark.core.errors import UserError
from earmark.core.progress import tqdm
from earmark.core.records import Clip
from earmark.core.seeding import generator
from earmark.data.sources.audiomarathon import read
from earmark.data.sources.audiomarathon_layouts import LISTS
from earmark.data.sources.synthetic import GENRES, SAMPLE_RATE, render
from earmark.scoring.question import LETTERS, draw_options

GTZAN_JSON, GTZAN_AUDIO = LISTS["gtzan"].lists[0], LISTS["gtzan"].folders[0]
LICENCE = "CC0-1.0 (synthetic, made by earmark)"


@dataclass(frozen=True)
class _Order:
    """One long clip to render."""

    path: Path
    genre: str
    seconds: float
    recording_s: float
    seed: int


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Render the splits and yield their recordings.

    Raises:
        UserError: more genres asked for than there are.

    """
    if not 2 <= settings.genres <= len(GENRES):
        raise UserError(f"data.source.genres: {settings.genres} asked for, 2 to {len(GENRES)} can be made")
    genres = GENRES[: settings.genres]
    for split, wanted in settings.splits.items():
        root = folder / split
        orders = list(_orders(root, split, genres, wanted, settings.recording_s, seed))
        (root / GTZAN_AUDIO).mkdir(parents=True, exist_ok=True)
        with (
            ProcessPoolExecutor(threads) as pool,
            tqdm(total=len(orders), desc=f"rendering {split}", unit="clip") as bar,
        ):
            for _ in pool.map(_render, orders, chunksize=4):
                bar.update()
        _write_list(root, orders, genres, split, settings.question, seed)
        yield from read("gtzan", root, split, LICENCE, threads)


def _orders(
    root: Path, split: str, genres: tuple[str, ...], wanted: ClipsPerClass, recording_s: float, seed: int
) -> Iterator[_Order]:
    """Yield what to render; a clip's length and content depend on the seed and its name."""
    for genre in genres:
        for number in range(wanted.clips_per_class):
            name = f"{genre}.{number:05d}"
            rng = generator(seed, "length", split, name)
            yield _Order(
                root / GTZAN_AUDIO / f"{name}.flac",
                genre,
                round(float(rng.uniform(wanted.min_s, wanted.max_s)), 2),
                recording_s,
                int(rng.integers(2**31)),
            )


def _render(order: _Order) -> None:
    """Write one long clip: recordings of one genre end to end, the last one cut."""
    rng = np.random.default_rng(order.seed)
    wanted = round(order.seconds * SAMPLE_RATE)
    parts, made = [], 0
    while made < wanted:
        part = render(order.genre, order.recording_s, rng)
        parts.append(part)
        made += len(part)
    samples = np.concatenate(parts)[:wanted]
    order.path.write_bytes(audio.flac_bytes(samples, SAMPLE_RATE))


def _write_list(
    root: Path, orders: list[_Order], genres: tuple[str, ...], split: str, question: str, seed: int
) -> None:
    """Write the list of items as the real task has it."""
    items = []
    for order in orders:
        options = draw_options(order.genre, genres, 4, seed, f"{split}-{order.path.stem}")
        items.append(
            {
                "path": order.path.name,
                "question": question,
                **{
                    f"choice_{letter.lower()}": option
                    for letter, option in zip(LETTERS, options, strict=False)
                },
                "answer_gt": LETTERS[options.index(order.genre)],
                "task_name": "Music_Genre_Classification",
                "dataset_name": "GTZAN (synthetic stand-in)",
                "genre_label": order.genre,
                "uniq_id": order.path.stem,
            }
        )
    (root / GTZAN_JSON).write_text(json.dumps(items, indent=1) + "\n")
