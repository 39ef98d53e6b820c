"""What the readers of raw corpora share: a row per recording, its header read, its split drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from earmark.audio import AudioError, probe
from earmark.errors import UserError
from earmark.files import sha256
from earmark.records import Clip, Part, Span
from earmark.seeding import generator

AHEAD = 64
"""Headers read at a time, by as many threads as there are."""

OVERHANG = 0.05
"""Seconds by which an annotation may end after its recording; rounded tables do."""


def root_of(settings: dict[str, Any]) -> Path:
    """Return the corpus's folder; raises UserError if there is none."""
    root = Path(settings["root"]).expanduser()
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    return root


def file_of(root: Path, name: str, key: str) -> Path:
    """Return a file named in the settings; raises UserError if it isn't there or not below ``root``."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"data.source.{key}: '{name}' leads out of {root}")
    if not path.is_file():
        raise UserError(f"data.source.{key}: there is no file {path}")
    return path


def side(group: str, test_share: float, seed: int) -> str:
    """Return the split of a group (a speaker, a place): a draw from the seed and its name."""
    return "test" if generator(seed, "split", group).random() < test_share else "train"


def recording(root: Path, path: Path, label: str, group: str, split: str, licence: str) -> Clip:
    """Return a row for the file at ``path``, its header not yet read; what is named is only named."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    part = Part(str(path), 0.0, 0.0)
    return Clip(name, [name], [part], 0.0, 0, 0, split, [label], licence=licence, group=group)


def with_headers(root: Path, clips: Iterable[Clip], threads: int) -> Iterator[Clip]:
    """Yield the rows with duration, rate, channels and hash, failed where the file can't be used.

    Spans are checked against the duration: what overhangs by rounding is cut, more is a failure.
    """
    rows = iter(tqdm(clips, desc="reading headers", unit="file", mininterval=1.0))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        while batch := list(itertools.islice(rows, AHEAD)):
            yield from pool.map(lambda clip: _with_header(root, clip), batch)


def _with_header(root: Path, clip: Clip) -> Clip:
    """Return the row with what its file's header says."""
    if not clip.ok:
        return clip
    path = Path(clip.parts[0].path)
    try:
        # Names in tables and links below the folder may lead anywhere.
        if not path.resolve().is_relative_to(root.resolve()):
            raise AudioError("leads out of the folder")
        header = probe(path)
        spans = _inside(clip.spans, header.duration_s)
        digest = sha256(path)
    except AudioError as error:
        clip.fail(str(error))
        return clip
    return replace(
        clip,
        parts=[Part(str(path), 0.0, header.duration_s)],
        duration_s=header.duration_s,
        sample_rate=header.sample_rate,
        channels=header.channels,
        spans=spans,
        sha256=digest,
    )


def _inside(spans: list[Span], duration_s: float) -> list[Span]:
    """Return the spans within the recording; raises AudioError if one lies outside."""
    last = max((span.end_s for span in spans), default=0.0)
    if last > duration_s + OVERHANG:
        raise AudioError(f"annotation outside the recording ({last:.2f} s of {duration_s:.2f} s)")
    return [Span(s.start_s, min(s.end_s, duration_s), s.label) for s in spans if s.start_s < duration_s]
