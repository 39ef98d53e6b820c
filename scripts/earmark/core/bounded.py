"""A stream that ends in an error where it grows beyond its bounds, however little was sent."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

from earmark.core.errors import UserError

FREE_BYTES = 64 << 20
"""What may come out before the ratio counts: silence packs a thousandfold, and small files harm nobody."""


class Expanding(io.RawIOBase):
    """What is unpacked of a compressed stream, up to a number of times its size.

    ``packed`` says how many bytes were read of the compressed stream so far, ``refuse`` makes the error
    of the ratio that was exceeded.
    """

    def __init__(
        self,
        plain: BinaryIO,
        packed: Callable[[], int],
        ratio: float,
        refuse: Callable[[float], UserError],
    ) -> None:
        self._plain, self._packed, self._ratio, self._refuse = plain, packed, ratio, refuse
        self._unpacked = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read on; raises what ``refuse`` makes."""
        content = self._plain.read(size)
        self._unpacked += len(content)
        if self._unpacked > max(FREE_BYTES, self._ratio * self._packed()):
            raise self._refuse(self._unpacked / max(1, self._packed()))
        return content
