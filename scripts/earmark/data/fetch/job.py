"""One shard from the wanted list to the manifest of what was fetched; what a killed run left counts."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from earmark.config.packing import Kept
from earmark.core.addresses import revealed
from earmark.core.errors import UserError
from earmark.core.files import exclusive, sha256
from earmark.core.records import OK, WANTED, Clip, Measures, Part, iter_manifest, write_manifest
from earmark.data.fetch import ledger as ledgers
from earmark.data.fetch.fetcher import Fetcher, Item
from earmark.data.fetch.hours import inside
from earmark.data.fetch.ledger import Ledger, Row
from earmark.data.fetch.network import Network, cookies_of
from earmark.data.fetch.progress import Progress, overall, worded
from earmark.data.fetch.reasons import NOT_ASKED


def fetch(
    recordings: Path,
    split: str,
    share: tuple[int, int],
    keep: Kept,
    network: Network,
    cache: Path,
    output: Path,
) -> None:
    """Fetch a shard's items and write its manifest once all are finished.

    ``share`` is number of the shard and of shards; ``keep`` is the task's ``data.fetch``.
    ``cache`` is the task's folder for kept clips, ledgers, progress. The manifest depends on what was
    fetched alone: not on tries, times or interruptions.

    Raises:
        UserError: items are left that are worth another try, or the run stopped early.

    """
    shard, of = share
    cookies = cookies_of(network)

    def wanted() -> Iterator[tuple[Clip, str]]:
        for clip in iter_manifest(recordings, split, share, block=True):
            yield clip, ledgers.key(clip, keep) if clip.status == WANTED else ""

    with exclusive(cache / f"{split}-{shard:05d}-of-{of:05d}") as folder:
        ledger = Ledger(folder / "ledger.jsonl")
        items = {k: _item(clip, k, cache) for clip, k in wanted() if k}
        others = [
            p for p in cache.glob(f"{split}-*/ledger.jsonl") if not p.parent.name.endswith(f"-{of:05d}")
        ]
        ledger.adopt(others, set(items))
        progress = Progress(folder, len(items))
        todo = []
        for key, item in items.items():
            row = ledger.rows.get(key)
            if row is not None and not _intact(row, item):
                del ledger.rows[key]
                row = None
            if row is not None and ledgers.settled(row, cookies=cookies is not None):
                progress.known(row)
            else:
                todo.append(item)
        why = None
        if todo and not inside(network.hours, datetime.now()):
            why = f"outside the hours of fetch.hours ({network.hours})"
        state = "stopped"
        try:
            if todo and why is None:
                host = urlsplit(todo[0].url).hostname or "none"
                why = Fetcher(folder, keep, network, host, cookies).run(todo, ledger, progress)
            left = Counter(
                row["code"] if (row := ledger.rows.get(item.key)) else NOT_ASKED
                for item in todo
                if not ledgers.settled(ledger.rows.get(item.key), cookies=cookies is not None)
            )
            if not left or (why is None and left.total() <= keep.max_pending_share * len(items)):
                state = "finished"
        finally:
            progress.close(state)
            ledger.close()
        print(worded(cache.name, overall(cache)), file=sys.stderr)
        if state == "stopped":
            raise UserError(_told(output, progress, left, why))
        write_manifest(output, (_row(clip, ledger.rows.get(k), items.get(k), keep) for clip, k in wanted()))


def _item(clip: Clip, key: str, cache: Path) -> Item:
    """Return what is to be fetched for a wanted row."""
    part = clip.parts[0]
    path = ledgers.media_path(cache, clip, key)
    return Item(key, clip.clip_id, revealed(part.path), part.start_s, part.end_s or math.inf, path)


def _intact(row: Row, item: Item) -> bool:
    """Whether the clip of a finished row is there as it was written; what failed has none."""
    if row["status"] != OK:
        return True
    return item.path.is_file() and sha256(item.path) == row["sha256"]


def _row(clip: Clip, row: Row | None, item: Item | None, keep: Kept) -> Clip:
    """Return a wanted row as it ended; nothing of how it came about, so that a resumed run says the same."""
    if item is None:
        return clip
    if row is None or row["status"] != OK:
        clip.fail(row["reason"] if row else NOT_ASKED)
        return clip
    clip.status, clip.reason = OK, ""
    clip.parts = [Part(str(item.path), 0.0, row["duration_s"])]
    clip.duration_s, clip.sha256 = row["duration_s"], row["sha256"]
    clip.sample_rate, clip.channels = keep.sample_rate, 1
    clip.measures = Measures(**row["measures"]) if "measures" in row else None  # an older ledger has none
    return clip


def _told(output: Path, progress: Progress, left: Counter[str], why: str | None) -> str:
    """Return one line on what is left to do."""
    pending = ", ".join(f"{count} {code}" for code, count in left.most_common())
    failed = ", ".join(f"{count} {code}" for code, count in progress.counts["failed"].most_common())
    return (
        f"{output}: {progress.counts['ok'].total()} ok, {progress.counts['failed'].total()} failed"
        f"{f' ({failed})' if failed else ''}, {left.total()} pending ({pending})"
        f"{f'; stopped for now: {why}' if why else ''}; run the same command again to go on"
    )
