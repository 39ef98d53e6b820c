"""Sorting and looking up more rows than memory should hold: on disk, in a temporary SQLite file.

The file lies where ``TMPDIR`` says and is private to the process; rows are pickled into it and read
back by the same process alone.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
Key = tuple[str | float | int, ...]

BATCH = 500
"""Rows handed to or taken from the file at a time."""


@contextlib.contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Yield a temporary database on disk: bounded cache, no journal, gone after the block."""
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        connection = sqlite3.connect(Path(folder) / "spill.sqlite", isolation_level=None)
        try:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", "cache_size=-8000"):
                connection.execute(f"PRAGMA {pragma}")
            yield connection
        finally:
            connection.close()


class Sorted(Generic[T]):
    """Rows in order, to be read as often as wanted; each reading is one pass over the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[T]:
        """Yield the rows in order."""
        cursor = self._connection.execute("SELECT row FROM ordered ORDER BY rowid")
        while batch := cursor.fetchmany(BATCH):
            for (row,) in batch:
                yield pickle.loads(row)


@contextlib.contextmanager
def sorted_rows(rows: Iterable[T], key: Callable[[T], Key]) -> Iterator[Sorted[T]]:
    """Sort rows on disk; yields them in the order of ``key``, rows of equal keys as they came.

    ``key`` returns a tuple of texts and numbers, always of the same length and kinds. The order is
    that of Python's ``sorted``. Memory doesn't grow with the number of rows.
    """
    with database() as connection:
        connection.execute("BEGIN")
        pairs = ((key(row), row) for row in rows)
        names = ""
        while batch := list(itertools.islice(pairs, BATCH)):
            if not names:
                names = ", ".join(f"k{i}" for i in range(len(batch[0][0])))
                connection.execute(f"CREATE TABLE given ({names}, row BLOB)")
            places = ", ".join("?" * (len(batch[0][0]) + 1))
            values = [(*keys, pickle.dumps(row, pickle.HIGHEST_PROTOCOL)) for keys, row in batch]
            connection.executemany(f"INSERT INTO given VALUES ({places})", values)
        connection.execute("CREATE TABLE ordered (row BLOB)")
        if names:
            connection.execute(f"INSERT INTO ordered SELECT row FROM given ORDER BY {names}, rowid")
            connection.execute("DROP TABLE given")
        connection.execute("COMMIT")
        yield Sorted(connection)


@contextlib.contextmanager
def lookup(rows: Iterable[tuple[str, T]]) -> Iterator[Callable[[str], list[T]]]:
    """Index rows by name on disk; yields what returns the rows of a name, in the order they came."""
    with database() as connection:
        connection.execute("CREATE TABLE given (name TEXT, row BLOB)")
        connection.execute("BEGIN")
        values = ((name, pickle.dumps(row, pickle.HIGHEST_PROTOCOL)) for name, row in rows)
        connection.executemany("INSERT INTO given VALUES (?, ?)", values)
        connection.execute("CREATE INDEX by_name ON given (name)")
        connection.execute("COMMIT")

        def of(name: str) -> list[T]:
            found = connection.execute("SELECT row FROM given WHERE name = ? ORDER BY rowid", (name,))
            return [pickle.loads(row) for (row,) in found]

        yield of
