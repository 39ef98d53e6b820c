"""The audio of single clips out of a task's shards, for the few that an audit compares by sound."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earmark.audio.correlation import RATE
from earmark.core.errors import UserError

KEPT_BYTES = 128_000_000
"""Audio held in memory, bytes: about an hour at :data:`earmark.audio.correlation.RATE`."""


class Sounds:
    """Clips of the shards in a folder, at the rate that correlation takes; the last ones are remembered."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection, self._folder = connection, folder
        self._kept: OrderedDict[int, NDArray[np.float32]] = OrderedDict()
        self._bytes = 0
        connection.execute("CREATE TABLE members (shard TEXT, key TEXT, offset INTEGER, size INTEGER)")
        self._listed: set[str] = set()

    def __call__(self, clip: int) -> NDArray[np.float32]:
        """Return the audio [samples] of the clip of that number.

        Raises:
            UserError: its shard is missing or damaged.

        """
        if clip in self._kept:
            self._kept.move_to_end(clip)
            return self._kept[clip]
        samples = self._kept[clip] = self._read(clip)
        self._bytes += samples.nbytes
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
        return samples

    def _read(self, clip: int) -> NDArray[np.float32]:
        """Return the audio of a clip, read from where it lies in its shard."""
        shard, key = self._connection.execute("SELECT shard, key FROM clips WHERE id = ?", (clip,)).fetchone()
        path = self._folder / shard
        try:
            self._list(path)
            place = self._connection.execute(
                "SELECT offset, size FROM members WHERE shard = ? AND key = ?", (shard, key)
            ).fetchone()
            if place is None:
                raise _damaged(path, f"it holds no clip {key!r}")
            with path.open("rb") as tar:
                tar.seek(place[0])
                samples, rate = soundfile.read(io.BytesIO(tar.read(place[1])), dtype="float32")
        except FileNotFoundError:
            raise UserError(f"{path} is missing; make it with: snakemake {path}") from None
        except (OSError, tarfile.TarError, soundfile.SoundFileError) as error:
            raise _damaged(path, str(error)) from None
        resampled: NDArray[np.float32] = soxr.resample(samples, rate, RATE)
        return resampled

    def _list(self, path: Path) -> None:
        """Note where a shard's clips lie: its headers are read once, its audio is passed over."""
        if path.name in self._listed:
            return
        with tarfile.open(path, "r:") as tar:
            rows = [
                (path.name, each.name.removesuffix(".flac"), each.offset_data, each.size)
                for each in tar
                if each.name.endswith(".flac")
            ]
        self._connection.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", rows)
        self._connection.execute("CREATE INDEX IF NOT EXISTS by_member ON members (shard, key)")
        self._listed.add(path.name)


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path} is damaged ({reason}); delete it to make it again")
