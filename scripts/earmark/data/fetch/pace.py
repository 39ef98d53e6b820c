"""How fast a host may be asked, shared by every process of this working directory.

Each host has a small file with the next free moment; whoever wants to ask takes that moment and
moves it on, under a lock. A moment is a time of the clock, so it means the same in all processes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import time
from collections.abc import Callable
from pathlib import Path


class Pace:
    """Spaces the requests to a host evenly: ``per_hour`` by all processes together; None for no limit.

    ``sleep`` waits for some seconds and returns whether to give up instead.
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        per_hour: float | None,
        sleep: Callable[[float], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Host names hold no other characters; an address in brackets does.
        self._path = folder / f"{re.sub(r'[^a-z0-9.-]', '_', host.lower())}.json"
        self._interval_s = 3600 / per_hour if per_hour else 0.0
        self._sleep, self._clock = sleep, clock

    def wait(self) -> bool:
        """Wait for a turn; returns False if ``sleep`` gave up."""
        turn = self._change(self._take)
        while (left := turn - self._clock()) > 0:
            if self._sleep(left):
                return False
            # The host may have asked for a pause meanwhile: then this turn is void.
            if self._change(lambda state: state["paused_until"]) > self._clock():
                turn = self._change(self._take)
        return True

    def pause(self, seconds: float) -> None:
        """Let nobody ask for some seconds, as the host wishes."""
        until = self._clock() + seconds

        def change(state: dict[str, float]) -> float:
            state["paused_until"] = max(state["paused_until"], until)
            state["next"] = max(state["next"], until)
            return until

        self._change(change)

    def _take(self, state: dict[str, float]) -> float:
        """Take the next free moment and move it on."""
        turn = max(self._clock(), state["next"], state["paused_until"])
        state["next"] = turn + self._interval_s
        return turn

    def _change(self, change: Callable[[dict[str, float]], float]) -> float:
        """Apply a change to the host's state under the lock; returns what it returns."""
        with self._path.open("a+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            state = {"next": 0.0, "paused_until": 0.0}
            # A new file is empty, and one torn by a kill counts as new.
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                state |= {key: float(value) for key, value in json.load(stream).items()}
            result = change(state)
            stream.seek(0)
            stream.truncate()
            json.dump(state, stream)
            stream.flush()
            return result
