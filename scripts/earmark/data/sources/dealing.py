"""Which recordings go to train and to test, and which ids came by before, on disk instead of in memory.

Both need every name of a data set at once. SQLite keeps them in a temporary database of its own,
which it removes itself.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable

from earmark.core.errors import UserError
from earmark.core.seeding import generator


def database() -> sqlite3.Connection:
    """Open a private temporary database: in memory while small, then on disk."""
    database = sqlite3.connect("", check_same_thread=False)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA cache_size = -4000")
    return database


class Seen:
    """Remembers where each name first came by."""

    def __init__(self) -> None:
        self._database = database()
        self._database.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID")

    def before(self, name: str, place: str) -> str | None:
        """Return the place where ``name`` came by before, or None after noting it at ``place``."""
        digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=16).digest()
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, place))
        if added.rowcount:
            return None
        (first,) = self._database.execute("SELECT place FROM seen WHERE name = ?", (digest,)).fetchone()
        return str(first)


class Deal:
    """Deals original recordings to train and test, class by class.

    Which goes where is a function of the seed and the recording's name, not of any order, so cuts of
    one recording never end up on both sides.
    """

    def __init__(self, recordings: Iterable[tuple[str, str]], test_share: float, seed: int) -> None:
        """Deal (name of the original recording, class) pairs, the same ones any number of times.

        Raises:
            UserError: a class would be left without training or test recordings.

        """
        self._database = database()
        self._database.execute(
            "CREATE TABLE originals (name TEXT PRIMARY KEY, class TEXT, draw REAL, test INTEGER DEFAULT 0)"
        )
        self._database.executemany(
            # The smallest label, so that a recording of several classes depends on no order either.
            "INSERT INTO originals (name, class, draw) VALUES (?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET class = min(class, excluded.class)",
            ((name, label, float(generator(seed, "split", name).random())) for name, label in recordings),
        )
        self._database.execute("CREATE INDEX draws ON originals (class, draw, name)")
        counts = self._database.execute("SELECT class, count(*) FROM originals GROUP BY class").fetchall()
        for label, count in counts:
            n_test = round(test_share * count)
            if not 0 < n_test < count:
                raise UserError(
                    f"data.source: class '{label}' has {count} original recording(s), too few to share "
                    f"between train and test (test_share {test_share:g}); add recordings or leave the "
                    "class out"
                )
            self._database.execute(
                "UPDATE originals SET test = 1 WHERE name IN "
                "(SELECT name FROM originals WHERE class = ? ORDER BY draw, name LIMIT ?)",
                (label, n_test),
            )

    def split(self, name: str) -> str:
        """Return the split of an original recording."""
        (test,) = self._database.execute("SELECT test FROM originals WHERE name = ?", (name,)).fetchone()
        return "test" if test else "train"
