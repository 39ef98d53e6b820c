"""Recordings that lie inside larger files: unpacked once, under names made here, within limits.

Of each archive a folder of members and, written last, a list of what was found are kept. The list
begins with a stamp of the archive and of what it was read with: while that holds, the archive is not
opened again, so an interrupted job goes on with the next one.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from earmark.config.source import Limits, Patterns
from earmark.config.values import Split
from earmark.core.errors import UserError
from earmark.core.files import Json, replacing
from earmark.core.progress import tqdm
from earmark.core.records import Clip
from earmark.data.sources.patterns import matching
from earmark.data.sources.recordings import SUFFIXES, with_headers

FORMAT = 1
"""Goes into the stamp: raised where the list's contents change."""

BLOCK = 1 << 20


class Packed(Protocol):
    """A source whose recordings lie in larger files."""

    @property
    def place(self) -> Path:
        """The folder of these files."""

    @property
    def splits(self) -> Mapping[Split, Patterns]:
        """Split -> pattern or patterns of names."""

    @property
    def limits(self) -> Limits:
        """What is refused."""

    @property
    def licence(self) -> str:
        """Of recordings that say none."""


class Refused(Exception):
    """A member that can't be used; its text is the reason kept in the manifest."""


class Store:
    """A folder that members are written to, counting them and their bytes."""

    def __init__(self, folder: Path, archive: Path, limits: Limits) -> None:
        self.folder = folder
        self._archive, self._limits = archive, limits
        self._count, self._bytes = 0, 0

    def admit(self, size: int) -> None:
        """Count a member of ``size`` bytes.

        Raises:
            UserError: the archive as a whole is over its limits.
            Refused: the member alone is.

        """
        self._count += 1
        self._bytes += size
        limits = self._limits
        for key, value, most in (
            ("members", self._count, limits.members),
            ("archive_mb", self._bytes / 1e6, limits.archive_mb),
        ):
            if value > most:
                raise UserError(
                    f"{self._archive} holds more than data.source.limits.{key} allows "
                    f"({value:.0f}, at most {most:g}); raise it if you trust the archive"
                )
        if size / 1e6 > limits.member_mb:
            raise Refused(f"too large ({size / 1e6:.0f} MB, at most {limits.member_mb:g})")

    @property
    def expansion(self) -> float:
        """How many times its compressed size the archive may unpack to."""
        return self._limits.expansion

    def overexpanded(self, ratio: float) -> UserError:
        """Return the error of an archive that unpacks to more."""
        return UserError(
            f"{self._archive} unpacks to more than data.source.limits.expansion allows ({ratio:.0f} times "
            f"its size, at most {self.expansion:g}); raise it if you trust the archive"
        )

    def keep(self, stream: BinaryIO, name: str) -> str:
        """Write a member under a name of our own, ``name`` giving the suffix only; return that name."""
        suffix = PurePosixPath(name).suffix.lower()
        own = f"{self._count:07d}{suffix if suffix in SUFFIXES else '.audio'}"
        with (self.folder / own).open("wb") as target:
            shutil.copyfileobj(stream, target, BLOCK)
        return own


Unpack = Callable[[Path, Store], Iterable[Json]]
"""Reads an archive, keeps its recordings in the store and yields what is to be listed of each."""


def recordings(
    settings: Packed,
    folder: Path,
    threads: int,
    read_with: Json,
    unpack: Unpack,
    describe: Callable[[Json, Clip], None],
) -> Iterator[Clip]:
    """Yield the recordings of the archives of ``settings.splits``, unpacked below ``folder``.

    ``read_with`` is what the unpacking depends on besides the archive; ``describe`` puts what was
    listed of a recording (labels, text, id) into its clip.

    Raises:
        UserError: see :func:`matching` and :meth:`Store.admit`; an archive is damaged.

    """
    root = settings.place
    for split, names in matching(root, settings.splits).items():
        bar = tqdm(names, desc=f"unpacking {split}", unit="archive")
        clips = (
            _clip(row, f"{split}/{name}", split, place, settings.licence, describe)
            for name in bar
            for place, row in _rows(root / name, name, folder / split, settings.limits, read_with, unpack)
        )
        yield from with_headers(clips, folder, threads)


def _clip(
    row: Json,
    archive: str,
    split: str,
    place: Path,
    licence: str,
    describe: Callable[[Json, Clip], None],
) -> Clip:
    """Return a listed recording as a clip, its file not looked at yet."""
    name = f"{archive}/{row['key']}"
    clip = Clip.unread(place / (row.get("file") or ""), name, split, [], licence=licence)
    if row.get("reason"):
        clip.fail(row["reason"])
    else:
        describe(row, clip)
    return clip


def _rows(
    archive: Path,
    name: str,
    folder: Path,
    limits: Limits,
    read_with: Json,
    unpack: Unpack,
) -> Iterator[tuple[Path, Json]]:
    """Yield (folder, row) of what an archive holds, unpacking it if that isn't done."""
    own = _own_name(name)
    place, listing = folder / own, folder / f"{own}.jsonl"
    stat = archive.stat()
    stamp = json.dumps(
        [FORMAT, name, stat.st_size, stat.st_mtime_ns, limits.plain(), read_with],
        sort_keys=True,
        ensure_ascii=True,
    )
    if not (place.is_dir() and listing.is_file() and _first_line(listing) == stamp):
        partial = folder / f".{own}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            with replacing(listing) as unfinished, unfinished.open("w") as stream:
                stream.write(stamp + "\n")
                for row in unpack(archive, Store(partial, archive, limits)):
                    stream.write(json.dumps(row) + "\n")
                # Before the list takes its name: a list without its folder would be taken for done.
                shutil.rmtree(place, ignore_errors=True)
                partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    with listing.open() as lines:
        next(lines)
        for line in lines:
            yield place, json.loads(line)


def _first_line(path: Path) -> str:
    """Return the first line of a text file."""
    with path.open() as stream:
        return stream.readline().rstrip("\n")


def _own_name(name: str) -> str:
    """Return a name for an archive's folder: readable, safe, and no two archives the same."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(name).name.partition(".")[0])[:40].strip("_-")
    return f"{stem or 'archive'}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
