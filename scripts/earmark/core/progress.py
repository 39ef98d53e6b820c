"""How far a long loop is: tqdm's bar on a terminal, plain lines in logs and pipes.

A drop-in for :class:`tqdm.tqdm`. Where the output is no terminal (rules write through ``tee`` to a log)
a bar would pile up carriage returns, and the bars of jobs side by side would draw over each other. There
each loop says a line now and then instead, which names the file being made, what is done to it, how
much is done, how fast, and when it ends:

    data/gtzan/shards/test-00000-of-00002.tar: packing: 120 of 400 clips, 11.3/s, 0:25 left

The first line comes after :data:`SHORTEST_S`; the longer a loop runs, the rarer they get, down to one per
:data:`LONGEST_S`, and never more than ten seconds go by without one, however long a step takes. The last line
says what was done in what time, also where a loop was broken off.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm as terminal_bar

from earmark.core.files import Json

SHORTEST_S = 2.0
LONGEST_S = 7.0
BEAT_S = 2.0
"""How often a bar is drawn whose next step is long."""
RARER = 20
"""Between lines lies this fraction of the time since the start."""

_job: Path | None = None
_speaking = threading.Lock()
# A process that is forked while a bar speaks would wait for ever to speak itself.
os.register_at_fork(
    before=_speaking.acquire, after_in_parent=_speaking.release, after_in_child=_speaking.release
)
_silent = False


def fall_silent() -> None:
    """Let no bar say anything from here on: an error's line is the last."""
    global _silent
    with _speaking:
        _silent = True


def name_job(arguments: Sequence[str]) -> None:
    """Take the name of this process's lines from its command line: what ``--output`` says first."""
    global _job
    _job = None
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        option, equals, value = word.partition("=")
        if option == "--output":
            _job = Path(value if equals else following)
            return


class Lines:
    """What turns a class of tqdm's bars into plain lines where the output is no terminal."""

    _plain = False
    _said_at = float("-inf")
    _said: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        file = kwargs.get("file") or sys.stderr
        self._plain = not (hasattr(file, "isatty") and file.isatty())
        if self._plain and kwargs.get("disable") is None:
            kwargs["disable"] = False
        # tqdm's own first drawing, of nothing done yet, comes from its constructor.
        self._begun = False
        self._ended = threading.Event()
        super().__init__(*args, **kwargs)
        self._begun = True
        if not getattr(self, "disable", True):
            arguments = (weakref.ref(self), self._ended)
            threading.Thread(target=_beat, args=arguments, daemon=True).start()

    def display(self, msg: str | None = None, pos: int | None = None) -> bool | None:
        """Draw the bar, or say a line if the time for one has come."""
        if not self._plain:
            with _speaking:
                shown: bool | None = _silent or super().display(msg, pos)  # type: ignore[misc]
            return shown
        if self._begun:
            elapsed, now = self.format_dict["elapsed"], self._time()  # type: ignore[attr-defined]
            done = self.format_dict["n"]  # type: ignore[attr-defined]
            # A line that says no more than the one before can wait.
            wait = LONGEST_S if done == self._said else min(max(SHORTEST_S, elapsed / RARER), LONGEST_S)
            if elapsed >= SHORTEST_S and now - self._said_at >= wait:
                self._said_at, self._said = now, done
                self._say(last=False)
        return True

    def clear(self, *args: Any, **kwargs: Any) -> None:
        """Take the bar away for other output; lines stay."""
        if not self._plain:
            super().clear(*args, **kwargs)  # type: ignore[misc]

    def close(self) -> None:
        """End the bar, or say the last line."""
        self._ended.set()
        if self._plain and not getattr(self, "disable", True):
            self.disable = True
            self._decr_instances(self)  # type: ignore[attr-defined]
            self._say(last=True)
            return
        super().close()  # type: ignore[misc]

    def __del__(self) -> None:
        """Go without a word: a bar that nobody closed was left by an error, whose line is the last."""
        if self._plain:
            self.disable = True
        super().__del__()  # type: ignore[misc]

    def _say(self, *, last: bool) -> None:
        with _speaking:
            if _silent:
                return
            try:
                # One write, so that lines of several processes do not mix.
                self.fp.write(f"{line(self.format_dict, last=last)}\n")  # type: ignore[attr-defined]
                self.fp.flush()  # type: ignore[attr-defined]
            except ValueError:
                pass  # the stream was closed before the bar, at the interpreter's end


if TYPE_CHECKING:
    from tqdm import tqdm as tqdm
else:

    class tqdm(Lines, terminal_bar):
        """tqdm's bar with its arguments, redrawn every second; plain lines where there is no terminal."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{"mininterval": 1.0, **kwargs})


def _beat(bar: weakref.ref[Any], ended: threading.Event) -> None:
    """Draw a bar again while one of its steps takes long, so that it never seems to stand still."""
    while not ended.wait(BEAT_S):
        shown = bar()
        if shown is None:
            return
        shown.refresh()
        del shown


def line(state: Json, *, last: bool) -> str:
    """Return one line about a loop; ``state`` is tqdm's ``format_dict``."""
    n, total, elapsed, unit = state["n"], state["total"], state["elapsed"], state["unit"]
    word = "" if unit == "it" else unit if unit == "B" else f" {unit}{'es' if unit.endswith('ch') else 's'}"
    parts = [f"{_amount(n, state)}{f' of {_amount(total, state)}' if total else ''}{word}"]
    # As tqdm: the recent rate while it runs, the whole one at the end.
    done = n - state["initial"]
    rate = (not last and state["rate"]) or (done / elapsed if elapsed > 0 else 0)
    if rate:
        parts.append(f"{_amount(rate, state)}/s" if rate >= 1 or unit == "B" else f"{1 / rate:.1f} s each")
    if last:
        parts[0] += f" in {terminal_bar.format_interval(elapsed)}"
    elif total and rate:
        parts.append(f"{terminal_bar.format_interval(max(0, total - n) / rate)} left")
    if state["postfix"]:
        parts.append(str(state["postfix"]))
    return " ".join(f"{_name(state['prefix'])}: {', '.join(parts)}".split())


def _amount(number: float, state: Json) -> str:
    """Return a count or a rate as people read it."""
    if state["unit_scale"]:
        scale = 1 if state["unit_scale"] is True else state["unit_scale"]
        return terminal_bar.format_sizeof(number * scale, divisor=state["unit_divisor"])
    return f"{number}" if isinstance(number, int) else f"{number:.1f}"


def _name(description: str) -> str:
    """Return the file that this process makes and what is being done, each said once."""
    words = "".join(c if c.isprintable() else " " for c in description).rstrip(": ").split()
    if _job is None:
        return " ".join(words) or Path(sys.argv[0]).stem
    said = [word for word in words if not word.startswith(_job.stem)]
    return ": ".join([str(_job), *([" ".join(said)] if said else [])])
