"""Stretches of many large files by offset, memory-mapped; whatever the number of files, few are open."""

from __future__ import annotations

import mmap
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from earmark.core.errors import UserError

OPEN = 128


class Mapped:
    """Reads bytes of numbered files; a copy in another process opens its own."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self._open: OrderedDict[int, mmap.mmap] = OrderedDict()

    def __getstate__(self) -> dict[str, object]:
        return {"paths": self.paths, "_open": OrderedDict()}

    def read(self, number: int, offset: int, size: int) -> memoryview:
        """Return ``size`` bytes from ``offset`` on of a file.

        Raises:
            UserError: the file is gone or shorter than that.

        """
        if number not in self._open:
            path = self.paths[number]
            try:
                with path.open("rb") as stream:
                    self._open[number] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise UserError(f"{path} cannot be read ({error}); delete it to make it again") from None
            if len(self._open) > OPEN:
                # Not closed: what was handed out of it may still be in use.
                self._open.popitem(last=False)
        self._open.move_to_end(number)
        found = memoryview(self._open[number])[offset : offset + size]
        if len(found) != size:
            raise UserError(f"{self.paths[number]} is cut off; delete it to make it again")
        return found
