"""Compressed streams, told by their first bytes: gzip, xz, bzip2, Zstandard."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import zstandard

MEMORY = 256 << 20
"""Bytes that a stream's dictionary may take: the largest of the usual levels have 64 MB."""
BLOCK = 1 << 16
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zstandard.ZstdError)
"""How the readers say that a stream is damaged."""


def decompressed(raw: BinaryIO) -> BinaryIO:
    """Return what a stream holds, unpacked as it is read; the stream itself if it is not compressed."""
    begin = raw.read(6)
    raw.seek(0)
    if begin[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if begin == b"\xfd7zXZ\0":
        return cast(BinaryIO, _Blocks(raw, lambda: lzma.LZMADecompressor(memlimit=MEMORY)))
    if begin[:3] == b"BZh":
        return cast(BinaryIO, _Blocks(raw, bz2.BZ2Decompressor))
    if begin[:4] == b"\x28\xb5\x2f\xfd":
        reader = zstandard.ZstdDecompressor(max_window_size=MEMORY)
        return cast(BinaryIO, reader.stream_reader(raw, read_across_frames=True))
    return raw


class _Blocks(io.RawIOBase):
    """What a decompressor of Python's makes of a stream, a block at a time; streams may follow each other."""

    def __init__(self, raw: BinaryIO, make: Callable[[], Any]) -> None:
        self._raw, self._make, self._decompressor = raw, make, make()

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read on, at most ``size`` bytes; empty at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        while True:
            if self._decompressor.eof:
                following = self._decompressor.unused_data or self._raw.read(BLOCK)
                if not following.strip(b"\0"):
                    return b""
                self._decompressor = self._make()
            else:
                following = self._raw.read(BLOCK) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not following:
                    raise EOFError("the stream was cut off")
            try:
                content: bytes = self._decompressor.decompress(following, size)
            except OSError as error:  # how bz2 says that data are damaged
                raise EOFError(str(error)) from None
            if content:
                return content
