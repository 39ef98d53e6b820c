"""The checksum in a FLAC header: MD5 of the samples that were encoded (RFC 9639, section 8.2).

libFLAC reports damaged frames, but not that a header counts fewer samples than the file holds, nor
frames that went missing: the checksum does.
"""

from __future__ import annotations

import hashlib
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

BITS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}

PLAIN_HEADER = 1 << 14
"""A header up to this size carries no picture or other freight."""


class Signature:
    """Compares what is decoded, in blocks of integers, with the checksum."""

    def __init__(self, wanted: bytes, bits: int, *, plain: bool) -> None:
        self._wanted, self._bits, self._digest = wanted, bits, hashlib.md5(usedforsecurity=False)
        self.plain = plain
        self.dtype = "int32" if bits > 16 else "int16"

    def take(self, block: NDArray[np.int16] | NDArray[np.int32]) -> None:
        """Digest integer frames [frames, channels] in the order FLAC signs them."""
        width = block.dtype.itemsize * 8
        if self._bits == width:
            self._digest.update(np.ascontiguousarray(block, block.dtype.newbyteorder("<")).reshape(-1).data)
        else:
            values = (block >> (width - self._bits)).astype("<i4")
            bytes_ = values.view(np.uint8).reshape(-1, 4)[:, : self._bits // 8]
            self._digest.update(bytes_.tobytes())

    @property
    def agrees(self) -> bool:
        """Whether all that was taken is what was encoded."""
        return self._digest.digest() == self._wanted


def signature(content: bytes | mmap, subtype: str) -> Signature | None:
    """Return the checksum of a FLAC file's content, None where it has none."""
    if subtype not in BITS or content[:4] != b"fLaC":
        return None
    position, wanted, last = 4, b"", False
    while not last:
        head = content[position : position + 4]
        if len(head) < 4:
            return None
        last, kind = bool(head[0] & 128), head[0] & 127
        if kind == 0:
            wanted = content[position + 22 : position + 38]
        position += 4 + int.from_bytes(head[1:])
    if len(wanted) < 16 or not any(wanted):
        return None
    return Signature(wanted, BITS[subtype], plain=position <= PLAIN_HEADER)
