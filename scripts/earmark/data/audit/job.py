"""An audit: the indexes of a task's shards in, a record (config/schemas/audit.schema.json) out."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from earmark.config.schema import checked, schema
from earmark.core import provenance
from earmark.core.external_sort import database
from earmark.core.files import Json
from earmark.data.audit import chunks, cost, findings, lengths, near, prints, sounds, store
from earmark.data.audit.request import Request
from earmark.models.costs import Costs

SCHEMA = "earmark/audit/1"
VALUES = 50
"""Values named per property (licences, origins); the others are counted together."""


def audit(task: str, folder: Path, shards: dict[str, int], settings: Request, code: str) -> Json:
    """Return the record of a task's audit.

    ``folder`` holds the folders ``shards`` and ``fingerprints``; ``shards`` says how many a split has.

    Raises:
        UserError: an index or a file of fingerprints is missing or of another kind; a shard whose audio is
            compared is missing or damaged.

    """
    rate = settings.tokens_per_second
    with database() as connection:
        store.load(connection, store.index_paths(folder / "shards", shards))
        prints.load(connection, map(Path, chunks.paths(str(folder / "fingerprints"), shards)))
        measured = _measured(connection)
        if measured["fingerprints"]:
            near.find(connection, sounds.Sounds(connection, folder / "shards"))
        record = {
            "schema": SCHEMA,
            "task": task,
            "title": settings.title,
            "labels": list(settings.labels),
            "shards": shards,
            "clips": _statuses(connection, shards),
            "measured": measured,
            "overall": _described(connection, None, rate),
            "splits": {split: _described(connection, split, rate) for split in shards},
            "findings": findings.gather(connection, measured),
            "properties": _properties(connection),
            "estimates": _estimates(connection, shards, settings.models),
            "provenance": provenance.record(code) | {"config": asdict(settings)},
        }
    found: Json = checked(record, schema("audit"), f"audit of {task}")
    return found


def summary(record: Json) -> str:
    """Return the audit in one line."""
    overall = record["overall"]
    hours = overall["lengths"]["hours"] if overall["lengths"] else 0.0
    counts = record["clips"]["overall"]
    found = [f"failed {counts['failed']}"] if counts["failed"] else []
    named = (f for f in record["findings"] if f["count"] and not f["code"].startswith("failed"))
    found += [f"{f['code'].replace('_', ' ')} {f['count']}" for f in named]
    usable = f"{counts['ok']} of {counts['all']} clips usable, {hours:.2f} h"
    return f"{record['task']}: {usable}; {'; '.join(found) or 'nothing found'}"


def _measured(connection: sqlite3.Connection) -> dict[str, bool]:
    """Return whether any usable clip brings measures and a fingerprint."""
    measures = connection.execute("SELECT 1 FROM counts WHERE kind = 'measured' AND value = 'yes'").fetchone()
    heard = connection.execute("SELECT 1 FROM clips WHERE length(print) > 0 LIMIT 1").fetchone()
    return {"measures": measures is not None, "fingerprints": heard is not None}


def _statuses(connection: sqlite3.Connection, shards: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return how many clips there are, of each status and without measures, per split and overall."""
    rows = connection.execute(
        "SELECT kind, split, value, count FROM counts WHERE kind IN ('status', 'measured')"
    )
    names = ("all", "ok", "failed", "unused", "not_measured")
    found = {split: dict.fromkeys(names, 0) for split in ("overall", *shards)}
    for kind, split, value, count in rows:
        for place in (found["overall"], found[split]):
            if kind == "status":
                place["all"] += count
                place[value] += count
            elif value == "no":
                place["not_measured"] += count
    return found


def _described(connection: sqlite3.Connection, split: str | None, rate: float) -> Json:
    """Return lengths in seconds and tokens, overall and per label, of a split or of everything."""
    found = lengths.describe(connection, split)
    return {
        "lengths": found,
        "tokens": lengths.in_tokens(found, rate) if found else None,
        "by_label": lengths.labels(connection, split),
    }


def _properties(connection: sqlite3.Connection) -> dict[str, list[Json]]:
    """Return how many usable clips have each licence, origin, container, rate..., most frequent first."""
    found: dict[str, list[Json]] = {}
    for name in ("licence", "origin", "container", "decoder", "source rate", "source channels"):
        rows = connection.execute(
            "SELECT value, SUM(count), SUM(seconds) FROM counts WHERE kind = ? GROUP BY value "
            "ORDER BY 2 DESC, 1",
            (name,),
        ).fetchall()
        values = [{"value": value, "clips": n, "hours": s / 3600} for value, n, s in rows[:VALUES]]
        if rest := rows[VALUES:]:
            clips, hours = sum(n for _, n, _ in rest), sum(s for *_, s in rest) / 3600
            values.append({"value": f"{len(rest)} others", "clips": clips, "hours": hours})
        found[name] = values
    return found


def _estimates(
    connection: sqlite3.Connection, shards: dict[str, int], models: Mapping[str, Costs]
) -> list[Json]:
    """Return what one pass of each model over each split takes."""
    found = []
    for split in shards:
        described = lengths.describe(connection, split)
        for name, model in models.items() if described else ():
            over = lengths.over(connection, split, model.max_audio_s)
            found.append({"model": name, "split": split, **cost.estimate(model, described or {}, over)})
    return found
