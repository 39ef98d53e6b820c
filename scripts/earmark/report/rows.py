"""Rows of the summary: what all records have in common, and what every row is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from earmark.core.files import Json
from earmark.core.versions import told
from earmark.report.columns import CLIP, COUNTS, OURS, STAGES, TIMES
from earmark.systems.contract import Record, ResultType, Row, System


def of(system: System, kind: ResultType, path: Path, record: Json) -> list[Row]:
    """Return a file's rows, without its path and digest."""
    identity = {
        "source": OURS,
        "system": system.name,
        "type": kind.name,
        "labels": ",".join(sorted(record["labels"])),
        **made(record),
    }
    return [identity | row for row in kind.rows(path, record)]


def made(record: Mapping[str, Any]) -> Row:
    """Return what produced a record: versions, the digests of the code and its commit."""
    origin = record["provenance"]
    git = origin.get("git") or {}
    commit = f"{git['commit']}{'-dirty' if git.get('dirty') else ''}" if "commit" in git else None
    return {
        "version": origin.get("earmark"),
        "code": origin.get("code"),
        "scoring_code": origin.get("scoring", {}).get("code"),
        "commit": commit,
        "packages": told(origin.get("packages", {})) or None,
    }


def common(record: Record) -> Row:
    """Return the columns that ``asked``, ``counts`` and ``timing`` fill: what a record lacks stays empty."""
    asked, clock = record["asked"], record.get("timing", {})
    times = {**{stage: clock.get("stages", {}).get(stage) for stage in STAGES}, CLIP: clock.get("per_clip")}
    return {
        **{name: asked.get(name) for name in ("task", "model", "seed")},
        **{name: record.get("counts", {}).get(name) for name in COUNTS},
        **{
            f"{stage}{end}_s": (found or {}).get(f"{end.strip('_') or 'median'}_s")
            for stage, found in times.items()
            for end, _ in TIMES
        },
        **{name: clock.get(name) for name in ("real_time_factor", "peak_memory_bytes", "threads")},
        **{name: clock.get(name) for name in ("device", "dtype", "attention")},
    }


def metrics(shared: Row, record: Record) -> Iterator[Row]:
    """Yield a row per metric of a record; ``shared`` are the columns that all of them have."""
    for name, metric in record["metrics"].items():
        yield {**shared, "metric": name, **metric}


def parts(shared: Row, record: Record, names: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of metrics by class (those of ``names``) and by group."""
    for row in record.get("per_class", []):
        for name in names:
            found = row.get(name)
            if isinstance(found, Mapping):
                yield {**shared, "metric": f"{name}/{row['class']}", **found}
            elif name in row:
                yield {**shared, "metric": f"{name}/{row['class']}", "value": found, "n": row["n"]}
    for row in record.get("per_group", []):
        yield {**shared, "metric": f"{row['metric']}@{row['facet']}={row['group']}", **row["score"]}
