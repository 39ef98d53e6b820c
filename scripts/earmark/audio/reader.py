"""Stretches of files, one after the other: those of one file share what it takes to open it.

Streams that are joined, MP3 frames and the checksums of Ogg are looked for once. What only ffmpeg decodes,
which counts from a file's beginning, is decoded once and held, if it is not too large for that.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from earmark.audio import by_ffmpeg, parts, waveform
from earmark.audio.containers import Stream
from earmark.audio.decoded import Decoded
from earmark.audio.downmix import Mono
from earmark.audio.source import Source
from earmark.core.errors import AudioError

MOST_HELD = 1 << 28
"""Bytes of decoded audio that are held: 23 minutes of mono at 48 kHz."""


class Blocks:
    """Holds blocks as they come; raises AudioError for more than are to be held."""

    def __init__(self) -> None:
        self.made: list[NDArray[np.float32]] = []
        self._size = 0

    def add(self, block: NDArray[np.float32]) -> None:
        """Take a block [frames, channels]."""
        self._size += block.nbytes
        if self._size > MOST_HELD:
            raise AudioError("too long (to be held)")
        self.made.append(block)


class Reader:
    """Decodes stretches of files as :func:`earmark.audio.waveform.decode` does.

    ``channels`` is the policy for several, ``mean`` or ``first``.
    """

    def __init__(self, channels: str = "mean") -> None:
        self._channels = channels
        self._opened = contextlib.ExitStack()
        self._path: Path | None = None
        self._sources: list[Source] = []
        self._held: tuple[NDArray[np.float32], Stream] | None = None
        self._fresh, self._worth_holding = True, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._forget()

    def decode(self, path: Path, start_s: float, end_s: float) -> Decoded:
        """Decode ``[start_s, end_s)`` of a file.

        Raises:
            AudioError: see the reasons in :mod:`earmark.audio.waveform`.

        """
        if path != self._path:
            self._forget()
            self._sources = self._opened.enter_context(
                parts.within(self._opened.enter_context(parts.opened(path)))
            )
            self._path = path
        elif self._worth_holding:
            self._worth_holding = False
            self._hold()
        if self._held is not None:
            return self._cut(*self._held, start_s, end_s)
        decoded = waveform.decode_within(self._sources, start_s, end_s, self._channels)
        self._worth_holding = self._fresh and decoded.decoder == "ffmpeg" and len(self._sources) == 1
        self._fresh = False
        return decoded

    def _forget(self) -> None:
        """Close the file at hand."""
        self._opened.close()
        self._path, self._sources, self._held = None, [], None
        self._fresh, self._worth_holding = True, False

    def _hold(self) -> None:
        """Decode the whole file, if it can be and is not too large; else its stretches are, one by one."""
        with contextlib.suppress(AudioError):
            blocks, decoded = by_ffmpeg.decode(
                self._sources[0].stream, 0.0, None, waveform.LONGEST_FILE_S, "", Blocks
            )
            self._held = np.concatenate(blocks.made), decoded

    def _cut(self, held: NDArray[np.float32], decoded: Stream, start_s: float, end_s: float) -> Decoded:
        """Return a stretch of what is held."""
        mono = Mono(self._channels)
        wanted = held[round(start_s * decoded.sample_rate) : round(end_s * decoded.sample_rate)]
        if len(wanted):
            mono.add(wanted)
        return waveform.from_ffmpeg(mono, decoded, start_s, end_s)
