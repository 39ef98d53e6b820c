"""How far a shard's fetching is: a line on the terminal and a small file beside the ledger.

The files of all shards together say how far a task is, whoever works on it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from earmark.core.files import Json, write_json
from earmark.core.progress import tqdm
from earmark.core.records import OK
from earmark.data.fetch.ledger import PENDING, Row

EVERY_S = 1.0


class Progress:
    """Counts of one shard, shown as they change and written at most every second."""

    def __init__(self, folder: Path, total: int) -> None:
        self.counts: dict[str, Counter[str]] = {"ok": Counter(), "failed": Counter(), PENDING: Counter()}
        self._path, self._total, self._new = folder / "progress.json", total, 0
        self._started = time.monotonic()
        self._written = -EVERY_S
        self._bar = tqdm(total=total, desc=f"fetching {folder.name}", unit="clip")

    def known(self, row: Row) -> None:
        """Count what an earlier run finished."""
        self._count(row)
        self._bar.initial += 1
        self._bar.n += 1

    def finished(self, row: Row) -> None:
        """Count what this run asked for."""
        self._count(row)
        self._new += 1
        self._bar.set_postfix_str(self.reasons(), refresh=False)
        self._bar.update(1)
        if time.monotonic() - self._written >= EVERY_S:
            self.write("running")

    def close(self, state: str) -> None:
        """Write the last state: ``finished`` or ``stopped``."""
        self._bar.set_postfix_str(self.reasons(), refresh=False)
        self._bar.close()
        self.write(state)

    def write(self, state: str) -> None:
        """Write the file."""
        self._written = time.monotonic()
        left = self._total - sum(c.total() for c in self.counts.values())
        rate = self._new / max(self._written - self._started, 1e-9)
        content: Json = {
            "state": state,
            "total": self._total,
            "ok": self.counts["ok"].total(),
            "failed": dict(sorted(self.counts["failed"].items())),
            PENDING: dict(sorted(self.counts[PENDING].items())),
            "not_asked": left,
            "per_hour": round(rate * 3600, 1),
            "eta_s": round(left / rate) if rate and left else None,
            "updated": round(time.time(), 1),
        }
        write_json(self._path, content)

    def reasons(self) -> str:
        """Return the counts as words: ``18 ok, 3 removed``."""
        found = [f"{self.counts['ok'].total()} ok"]
        both = self.counts["failed"] + self.counts[PENDING]
        return ", ".join(found + [f"{count} {code}" for code, count in sorted(both.items())])

    def _count(self, row: Row) -> None:
        status = row["status"] if row["status"] in self.counts else PENDING
        self.counts[status]["ok" if status == OK else row["code"]] += 1


def overall(cache: Path) -> Json:
    """Return the counts of all shards of a task that were begun, from their progress files.

    Of a split that was sharded anew, those of the sharding that was worked on last.
    """
    sums: Counter[str] = Counter()
    found: dict[str, Counter[str]] = {"failed": Counter(), PENDING: Counter()}
    shardings: dict[str, dict[int, list[Json]]] = {}
    for path in sorted(cache.glob("*-of-*/progress.json")):
        try:
            content = json.loads(path.read_text())
            split, number, _, shards_of_split = path.parent.name.rsplit("-", 3)
            int(number)
            float(content["updated"])
            shardings.setdefault(split, {}).setdefault(int(shards_of_split), []).append(content)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being made, or left by another version: no reason to stop anything
    shards = {}
    for split, sizes in shardings.items():
        of, contents = max(sizes.items(), key=lambda item: max(c["updated"] for c in item[1]))
        shards[split] = f"{len(contents)} of {of}"
        for content in contents:
            for name in ("total", "ok", "not_asked"):
                sums[name] += content[name]
            if content["state"] == "running" and time.time() - content["updated"] < 600:
                sums["running"] += 1
                sums["per_hour"] += round(content["per_hour"])
            for name, counts in found.items():
                counts.update(content[name])
    names = ("total", "ok", "not_asked", "running", "per_hour")
    return {
        **{name: sums[name] for name in names},
        **{k: dict(v) for k, v in found.items()},
        "shards": shards,
    }


def worded(task: str, state: Json) -> str:
    """Return the counts of a task as one line."""
    failed, pending = sum(state["failed"].values()), sum(state[PENDING].values())
    text = (
        f"{task}: {state['ok']} ok, {failed} failed, {pending + state['not_asked']} pending "
        f"of {state['total']} in the shards begun"
    )
    if state["shards"]:
        text += " (" + ", ".join(f"{split} {shards}" for split, shards in state["shards"].items()) + ")"
    if state["running"]:
        text += f"; {state['running']} running, {state['per_hour']} clips an hour"
    return text
