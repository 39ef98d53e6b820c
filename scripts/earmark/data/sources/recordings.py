"""Recordings on the disk: names that stay in their folder, headers read in threads, in order.

File names come from tables and archives of others: they are data, never trusted.
"""

from __future__ import annotations

import math
import posixpath
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from earmark.audio.decoded import check_length
from earmark.audio.waveform import Header, probe
from earmark.core.errors import AudioError
from earmark.core.files import sha256
from earmark.core.progress import tqdm
from earmark.core.records import Clip, Part

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("wav", "wave", "bwf", "w64", "rf64", "aif", "aiff", "aifc", "au", "snd", "caf", "sph", "flac"),
        *("mp3", "mp2", "ogg", "oga", "opus", "m4a", "m4b", "mp4", "3gp", "aac", "ac3", "webm", "mka", "mkv"),
        *("wma", "amr", "wv", "ape", "tta"),
    )
)
"""What a file of audio is called; where files are not listed, others are passed over."""

END_SLACK_S = 0.05
"""Lists round: a cut may end so much after its file and is then cut at the file's end."""

AHEAD = 64
"""Files per thread in hand at a time: what bounds memory."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield ``work(item)`` in the order of the items, a bounded number of them in hand."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) >= AHEAD * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def shown(text: str) -> str:
    """Return a name fit for a line of a log: control characters and broken Unicode escaped."""
    return "".join(c.encode("unicode_escape").decode() if _hidden(c) else c for c in text)


def _hidden(character: str) -> bool:
    """Whether a character breaks or garbles a line."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def name_problem(name: str) -> str | None:
    """Return why a name from outside can't be a path below a folder, or None."""
    if any(map(_hidden, name)):
        return "unsafe name (control character or broken Unicode)"
    if name.startswith("/") or ".." in name.split("/"):
        return "leads out of the folder"
    return None


def label_problem(value: object) -> str | None:
    """Return why a value from outside can't be a label or another name, or None."""
    if isinstance(value, (dict, list)):
        return "an object or a list, where a name is expected"
    if isinstance(value, float) and not math.isfinite(value):
        return f"no number ({value})"
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return "no text (bytes that are not UTF-8)"
    if isinstance(value, str) and "\0" in value:
        return "no text (it has a NUL character)"
    return None


def label_text(value: object) -> str:
    """Return a value that can be a label as text: bytes as what they spell."""
    return value.decode() if isinstance(value, bytes) else str(value)


def one_spelling(name: str) -> str:
    """Return a file's name without detours: ``a/b.wav`` for ``./a//b.wav``; what can't be one stays."""
    return name if not name or "://" in name or name_problem(name) else posixpath.normpath(name)


def contain(root: Path, path: Path, *, hub: bool) -> None:
    """Refuse a path that leads out of ``root``, by its name or through a link.

    Files of a ``hub`` data set are links into the cache that huggingface_hub made itself.

    Raises:
        AudioError: the reason.

    """
    if problem := name_problem(path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)):
        raise AudioError(problem)
    if not hub and not path.resolve().is_relative_to(root.resolve()):
        raise AudioError("leads out of the folder")


def with_headers(
    clips: Iterable[Clip], root: Path | None, threads: int, *, hub: bool = False
) -> Iterator[Clip]:
    """Yield clips with what their file's header says, failed where the file can't be used.

    A clip comes with one part: the path, and the cut's seconds or zeros for the whole file. ``root``
    is the folder that paths may not leave; None where the user allowed any.
    """

    def fill(clip: Clip) -> Clip:
        if clip.ok:
            try:
                _fill(clip, root, hub)
            except AudioError as error:
                clip.fail(str(error))
            except OSError as error:
                clip.fail(f"unreadable ({error.strerror})")
        if not clip.ok:
            clip.parts = [Part(shown(part.path), part.start_s, part.end_s) for part in clip.parts]
        clip.clip_id, clip.source_id = shown(clip.clip_id), [shown(name) for name in clip.source_id]
        return clip

    yield from tqdm(ordered(fill, clips, threads), desc="reading headers", unit="file")


def _fill(clip: Clip, root: Path | None, hub: bool) -> None:
    """Fill in lengths and checksum from the file."""
    part = clip.parts[0]
    path = Path(part.path)
    if root is not None:
        contain(root, path, hub=hub)
    elif problem := name_problem(path.name):
        raise AudioError(problem)
    stat = path.stat() if path.is_file() else None
    header, clip.sha256 = _facts(path, stat and stat.st_size, stat and stat.st_mtime_ns)
    clip.sample_rate, clip.channels = header.sample_rate, header.channels
    end_s = min(part.end_s or header.duration_s, header.duration_s)
    if not 0 <= part.start_s < end_s or part.end_s > header.duration_s + END_SLACK_S:
        raise AudioError(
            f"cut outside the file ({part.start_s:g} to {part.end_s:g} s of {header.duration_s:.2f})"
        )
    clip.parts = [Part(part.path, part.start_s, end_s)]
    clip.duration_s = end_s - part.start_s
    check_length(round(clip.duration_s * header.sample_rate), header.sample_rate)


@lru_cache(maxsize=256)
def _facts(path: Path, size: int | None, changed_ns: int | None) -> tuple[Header, str]:
    """Return header and checksum of a file; cuts of one file mostly stand together in a list."""
    return probe(path), sha256(path)
