"""The streams of a file: most hold one, some hold several that stand one behind the other.

Each part is a file of its own to the decoders, which would stop behind the first. A part whose length its
header leaves open is completed; one with something else behind it is refused.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from earmark.audio import ends, riff
from earmark.audio.links import links
from earmark.audio.source import Source, mapped
from earmark.core.errors import AudioError


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file that has something in it; raises AudioError."""
    if not path.is_file():
        raise AudioError("missing")
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise AudioError("empty file")
        yield stream


@contextlib.contextmanager
def within(stream: BinaryIO) -> Iterator[list[Source]]:
    """Yield the streams of a file that stand one behind the other, each a file; most are one, themselves."""
    with mapped(stream) as content, contextlib.ExitStack() as held:
        whole = Source.of(stream, content)
        places = links(whole) if isinstance(stream, io.BufferedReader) else []
        made: list[bytes | None] = [None]
        if len(places) > 1:
            made = [content[begin:end] for begin, end in places]
        elif places:
            made = [riff.completed(content, whole.wav)]
        parts: list[Source] = []
        for part in made:
            if part is None:
                parts.append(whole)
                continue
            named = held.enter_context(tempfile.NamedTemporaryFile())
            named.write(part)
            named.flush()
            parts.append(Source.of(held.enter_context(Path(named.name).open("rb")), part))
        for each in parts:
            ends.check(each)
        yield parts


def check_alike(forms: set[tuple[int, int]]) -> None:
    """Raise AudioError if there are parts of different (sample rate, channels)."""
    if len(forms) > 1:
        told = ", ".join(f"{rate} Hz of {channels}" for rate, channels in sorted(forms))
        raise AudioError(f"undecodable (streams of different forms are joined: {told} channels)")
