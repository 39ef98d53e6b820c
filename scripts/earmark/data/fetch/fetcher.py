"""A bounded pool of workers that asks for items, each with tries, a deadline and a reason.

Workers are threads with a yt-dlp of their own; ffmpeg, decoding and resampling release the lock.
The calling thread alone writes ledger and progress. A worker that does not come back by its
deadline (a server that drips, a hung resolver) is left behind and replaced: no library call can
hold up the rest.
"""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from earmark.config.packing import Kept
from earmark.core.errors import UserError
from earmark.core.records import FAILED, OK
from earmark.data.fetch import cut, reasons
from earmark.data.fetch.client import Client
from earmark.data.fetch.hours import inside
from earmark.data.fetch.ledger import PENDING, Ledger, Row
from earmark.data.fetch.network import Network
from earmark.data.fetch.pace import Pace
from earmark.data.fetch.progress import Progress
from earmark.data.fetch.reasons import Failure, Reason, reason

MAX_BACKOFF_S = 60.0
GRACE_S = 5.0
"""How long a worker past its deadline may take to notice by itself."""


@dataclass(frozen=True)
class Item:
    """A stretch of a recording that is wanted, and where it is kept; whole if its end is infinite."""

    key: str
    clip_id: str
    url: str
    start_s: float
    end_s: float
    path: Path


@dataclass
class _Worker:
    """A thread, what it is busy with, and since when it may be taken for lost."""

    client: Client
    item: Item | None = None
    limit: float = float("inf")
    tries: int = 0
    lost: bool = False
    thread: threading.Thread = field(default_factory=threading.Thread)


class Fetcher:
    """Fetches items until all are finished or there is a reason to stop for now."""

    def __init__(self, folder: Path, keep: Kept, network: Network, host: str, cookies: str | None) -> None:
        """``folder`` is the shard's; ``keep`` says what is kept of each item."""
        self._keep, self._network, self._cookies = keep, network, cookies
        self._scratch = folder / "tmp"
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._stop = threading.Event()
        self._why: str | None = None
        self._pace = Pace(
            folder.parent.parent / ".hosts", host, network.requests_per_hour, sleep=self._stop.wait
        )
        self._limited = 0
        self._lock = threading.Lock()
        self._done: queue.Queue[tuple[_Worker, Row | Exception | None]] = queue.Queue()
        self._made = 0

    def run(self, items: Sequence[Item], ledger: Ledger, progress: Progress) -> str | None:
        """Fetch the items; returns why it stopped early, or None.

        Raises:
            UserError: the disk is full, or yt-dlp refuses the settings.

        """
        self._items = iter(items)
        workers = [self._start(Client(self._next_folder(), self._network, self._cookies))]
        workers += [self._worker() for _ in range(min(self._network.workers, len(items)) - 1)]
        lost = 0
        try:
            while workers:
                try:
                    worker, result = self._done.get(timeout=0.2)
                except queue.Empty:
                    pass
                else:
                    if worker.lost:
                        continue
                    if result is None:
                        workers.remove(worker)
                    elif isinstance(result, Exception):
                        raise result
                    else:
                        ledger.append(result)
                        progress.finished(result)
                if not inside(self._network.hours, datetime.now()):
                    self._halt(f"outside the hours of fetch.hours ({self._network.hours})")
                for worker in [w for w in workers if time.monotonic() > w.limit + GRACE_S]:
                    worker.lost = True
                    workers.remove(worker)
                    row = self._row(worker.item, worker.tries, 0.0, failure=reason("deadline"))
                    ledger.append(row)
                    progress.finished(row)
                    lost += 1
                    if lost > 2 * self._network.workers:
                        self._halt(f"{lost} downloads did not end by themselves")
                    elif not self._stop.is_set():
                        workers.append(self._worker())
        except BaseException as error:
            self._halt("an error")
            if isinstance(error, Exception) and reasons.disk_full(error):
                raise UserError(
                    f"no space left in {self._scratch.parent.parent} (clips and downloads are kept there); "
                    "free some and run the same command again: what is finished is kept"
                ) from None
            raise
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)
        return self._why

    def _next_folder(self) -> Path:
        self._made += 1
        return self._scratch / str(self._made)

    def _worker(self) -> _Worker:
        return self._start(Client(self._next_folder(), self._network, self._cookies))

    def _start(self, client: Client) -> _Worker:
        worker = _Worker(client)
        worker.thread = threading.Thread(target=self._work, args=[worker], daemon=True)
        worker.thread.start()
        return worker

    def _halt(self, why: str) -> None:
        """Stop for now: what is under way ends, nothing new begins."""
        if not self._stop.is_set():
            self._why = why
            self._stop.set()

    def _work(self, worker: _Worker) -> None:
        """Fetch one item after the other; every one ends in a row."""
        try:
            while not (self._stop.is_set() or worker.lost):
                with self._lock:
                    item = next(self._items, None)
                if item is None:
                    break
                row = self._item(worker, item)
                worker.client.clear()
                if row is not None:
                    self._done.put((worker, row))
            self._done.put((worker, None))
        except Exception as error:
            self._done.put((worker, error))

    def _item(self, worker: _Worker, item: Item) -> Row | None:
        """Ask for an item up to ``retries`` times more; None if a stop came before an answer."""
        spent, failure = 0.0, None
        worker.item, worker.tries = item, 0
        while worker.tries <= self._network.retries:
            if not self._pace.wait() or worker.lost:
                break
            started = time.monotonic()
            worker.limit = started + self._network.item_deadline_s - spent
            worker.tries += 1
            try:
                media = worker.client.get(item.url, item.start_s, item.end_s, worker.limit)
                size = media.bytes
                kept = cut.keep(media, item.path, self._keep)
            except Failure as error:
                failure = error.reason
                spent += time.monotonic() - started
                worker.limit = float("inf")
                if not self._again(worker, error, spent):
                    break
            else:
                spent += time.monotonic() - started
                worker.limit = float("inf")
                self._limited = 0
                row = self._row(item, worker.tries, spent)
                return row | {"bytes": size, **asdict(kept)}
        return None if failure is None else self._row(item, worker.tries, spent, failure)

    def _again(self, worker: _Worker, error: Failure, spent: float) -> bool:
        """After a failure: whether to try again, once the wait for it is over."""
        kind = error.reason.kind
        if kind.limited:
            with self._lock:
                self._limited += 1
                if self._limited >= self._network.stop_after_limited:
                    self._halt(f"{self._limited} rate limits or bot checks in a row")
        elif kind.permanent:
            self._limited = 0
        if error.retry_after_s:
            # The host's wish binds every worker of every process, whatever becomes of this item.
            self._pace.pause(error.retry_after_s)
        if kind.code == "decode":
            worker.client.clear()
        left = worker.tries <= self._network.retries and spent < self._network.item_deadline_s
        if not (kind.again and left) or self._stop.is_set():
            return False
        if error.retry_after_s:
            return True
        return not self._stop.wait(min(self._network.backoff_s * 2 ** (worker.tries - 1), MAX_BACKOFF_S))

    def _row(self, item: Item | None, tries: int, spent: float, failure: Reason | None = None) -> Row:
        """Return an item's row for the ledger."""
        assert item is not None
        row: Row = {"key": item.key, "clip_id": item.clip_id, "status": OK, "code": "", "reason": ""}
        if failure is not None:
            row["status"] = FAILED if failure.kind.permanent else PENDING
            row["code"], row["reason"] = failure.kind.code, str(failure)
        cookies = self._cookies is not None
        times = {"seconds": round(spent, 3), "time": round(time.time(), 1)}
        return row | {"tries": tries, "cookies": cookies, **times}
