"""What the audit found, each with how often and where: source files, clip ids and shards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from earmark.audio.correlation import SAME
from earmark.audio.decoded import MIN_SECONDS
from earmark.core.files import Json
from earmark.data.audit import duplicates
from earmark.data.audit.checks import (
    CLIPPED_SHARE,
    MOSTLY_SILENT_SHARE,
    SILENT_DB,
    SILENT_SHARE,
)
from earmark.data.audit.store import reference

NEAR = f"whitened and plain, the peak of their normalised cross-correlation is at least {SAME:g}"
"""Which pairs are nearly the same audio."""

LISTED = 1000
"""Items named per finding; all are counted, and the shard indexes hold them all."""


@dataclass(frozen=True)
class Kind:
    """A kind of finding: ``counts`` says what one item is, ``needs`` what must have been measured."""

    code: str
    title: str
    about: str
    counts: str = "clips"
    needs: str = ""
    groups: Callable[[sqlite3.Connection], Iterator[duplicates.Group]] | None = None


KINDS = (
    Kind(
        "overlap_source",
        "Recordings in more than one split",
        "parts of one original recording are training and test data",
        "recordings",
        groups=duplicates.overlap_sources,
    ),
    Kind(
        "overlap_audio",
        "The same audio in more than one split",
        "packed clips of equal hash",
        "audios",
        groups=duplicates.overlap_audio,
    ),
    Kind(
        "overlap_near",
        "Nearly the same audio in more than one split",
        NEAR,
        "pairs",
        "fingerprints",
        duplicates.overlap_near,
    ),
    Kind(
        "label_conflict",
        "The same audio under different labels",
        "exact and near duplicates whose labels differ",
        "groups",
        groups=duplicates.conflicts,
    ),
    Kind(
        "silent", "Silent", f"{SILENT_SHARE:.0%} of it silent, or below {SILENT_DB:g} dBFS", needs="measures"
    ),
    Kind(
        "mostly_silent", "Mostly silent", f"at least {MOSTLY_SILENT_SHARE:.0%} of it silent", needs="measures"
    ),
    Kind(
        "clipped",
        "Clipped",
        f"more than {100 * CLIPPED_SHARE:g} % of the samples at full scale",
        needs="measures",
    ),
    Kind(
        "several_streams",
        "Streams joined in one file",
        "one behind the other; all are read, whatever the first one's header counts",
        needs="measures",
    ),
    Kind(
        "several_tracks",
        "Several sound tracks in one file",
        "the first that the file marks as its default one is taken, else the first",
        needs="measures",
    ),
    Kind(
        "gaps",
        "Filled with silence",
        "the file's clock goes on without sound: a late start, a hole or lost packets",
        needs="measures",
    ),
    Kind(
        "upsampled",
        "Recorded at a lower rate",
        "packed at a higher sample rate than the file had",
        needs="measures",
    ),
    Kind("mislabelled", "Named like another format", "the file is not what its name says", needs="measures"),
    Kind("too_short", "Too short", f"under {1000 * MIN_SECONDS:.0f} ms: too short for a token"),
    Kind("exact", "Exact duplicates", "packed clips of equal hash", "audios", groups=duplicates.exact),
    Kind(
        "near",
        "Near duplicates",
        NEAR,
        "pairs",
        "fingerprints",
        duplicates.near,
    ),
    Kind("no_licence", "Without a licence", "nothing says under which terms the recording may be used"),
    Kind("unused", "Unused", "what fills no whole clip: not in the shards"),
)


def gather(connection: sqlite3.Connection, measured: dict[str, bool]) -> list[Json]:
    """Return every finding, those of failed clips by reason first, then in the order of their weight.

    ``measured``: whether ``measures`` and ``fingerprints`` are there; findings that need what isn't
    have no count.
    """
    reasons = connection.execute(
        "SELECT code, COUNT(*) FROM findings WHERE code LIKE 'failed: %' GROUP BY code ORDER BY 2 DESC, 1"
    ).fetchall()
    failed = [Kind(code, code[0].upper() + code[1:], "not in the shards") for code, _ in reasons]
    return [_found(connection, kind, measured) for kind in (*failed, *KINDS)]


def _found(connection: sqlite3.Connection, kind: Kind, measured: dict[str, bool]) -> Json:
    """Return one finding as it stands in the record."""
    found: Json = {
        "code": kind.code,
        "title": kind.title,
        "about": kind.about,
        "counts": kind.counts,
    }
    if kind.needs and not measured[kind.needs]:
        return {**found, "count": None, "items": []}
    count = 0
    items: list[Json] = []
    for numbers, detail in (kind.groups or _singles(kind.code))(connection):
        count += 1
        if len(items) < LISTED:
            items.append({"detail": detail, "clips": [reference(connection, n).record() for n in numbers]})
    return {**found, "count": count, "items": items}


def _singles(code: str) -> Callable[[sqlite3.Connection], Iterator[duplicates.Group]]:
    """Return what yields the clips of a finding, each alone."""

    def groups(connection: sqlite3.Connection) -> Iterator[duplicates.Group]:
        rows = connection.execute("SELECT clip, detail FROM findings WHERE code = ? ORDER BY rowid", (code,))
        yield from (([clip], detail) for clip, detail in rows)

    return groups
