"""Decoding by ffmpeg what libsndfile cannot: WebM, M4A, WMA and other containers.

The file reaches ffmpeg as an open descriptor, so its name is neither an option nor a protocol nor a
hint at its format. Of several sound tracks the first that is marked as the default one is decoded, else
the first. Only formats that hold audio themselves are tried (no playlist, no concat script,
no capture device) and only local files can be opened, whatever a file asks for. Decoding stops at
the first error: a gap would shift all that follows.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, BinaryIO

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from earmark.audio import clock, program
from earmark.audio.program import FORMATS, executable

BLOCK = 1 << 20
BASE_TIMEOUT_S = 30.0
MOST_SILENCE_S = 3600.0
"""More than this without sound is no gap but a clock that is wrong."""
SLOWEST = 10.0
"""A decoder slower than this many times real time, after the first seconds, counts as hanging."""

FEW = "asetnsamples=n=16384:p=0"
"""Sound goes from one of ffmpeg's threads to the next, and to this process, in frames of so many samples.

A codec's own are of a thousand, and handing them over takes as long as half of the decoding.
"""

ERROR = re.compile(r"^(?:\[[^\]]* @ 0x[0-9a-f]+\] )*\[(?:error|fatal)\] (.+)$", re.MULTILINE)


TRACK = re.compile(r"^\[info\] +Stream #0:\d+\S*: Audio: (.*)$", re.MULTILINE)
"""How ffmpeg lists a file's sound tracks."""


class DecodeError(Exception):
    """ffmpeg could not decode; ``opened`` tells whether it knew the format."""

    def __init__(self, text: str, *, opened: bool) -> None:
        super().__init__(text)
        self.opened = opened


@dataclass
class Stream:
    """A sound track being decoded: ``container`` as ffmpeg calls it, blocks [frames, channels]."""

    container: str
    sample_rate: int
    channels: int
    blocks: Iterator[NDArray[np.float32]]
    filled_s: float = 0.0
    """Silence put in where the container's clock goes on without sound."""
    tracks: int = 1
    """Sound tracks in the file."""


class OtherTrackError(Exception):
    """Another sound track than the first is a file's default one; ``track`` is its number from 0."""

    def __init__(self, track: int) -> None:
        super().__init__(f"sound track {track} is the default one")
        self.track = track


class ClockError(Exception):
    """A file was decoded as if its clock left no gaps, which it does, or may: look at the clock first."""


@contextlib.contextmanager
def decoding_steady(
    file: BinaryIO, end_s: float | None = None, *, max_s: float, track: int | None = None
) -> Iterator[Stream]:
    """Decode a whole file as :func:`decoding` does, its clock looked at in the same run of ffmpeg.

    Starting ffmpeg takes as long as decoding half a minute. Whether the clock has gaps is known at the end,
    which ``end_s`` has to be.

    Raises:
        ClockError: it has, or something else went wrong; what was decoded is not to be used.
        OtherTrackError: as :func:`decoding` does.

    """
    try:
        with (
            tempfile.TemporaryFile() as listing,
            _run(file, _timeout(end_s or max_s), track, listing=listing) as (opened, data),
        ):
            rate = opened.sample_rate
            last = None if end_s is None else round(end_s * rate)
            wanted = _stretch(data, 0, last, round(max_s * rate))
            yield replace(opened, blocks=_steady(wanted, data, rate, listing))
    except DecodeError as error:
        raise ClockError(str(error)) from error


def _steady(
    wanted: Iterator[NDArray[np.float32]],
    data: Iterator[NDArray[np.float32]],
    most: int,
    listing: IO[bytes],
) -> Iterator[NDArray[np.float32]]:
    """Yield what is ``wanted``; raises ClockError for gaps, or ``most`` frames of ``data`` behind it."""
    yield from wanted
    behind = 0
    for block in data:
        behind += len(block)
        if behind > most:
            raise ClockError("the file goes on")
    content = os.pread(listing.fileno(), os.fstat(listing.fileno()).st_size, 0)
    if clock.gaps(content.decode(errors="replace")):
        raise ClockError("its clock has gaps")


def _timeout(until_s: float) -> float:
    """Return the seconds that ffmpeg may take to decode so many seconds."""
    return BASE_TIMEOUT_S + until_s / SLOWEST


@contextlib.contextmanager
def decoding(
    file: BinaryIO,
    start_s: float = 0.0,
    end_s: float | None = None,
    *,
    max_s: float,
    timeout_s: float = 0.0,
    track: int | None = None,
) -> Iterator[Stream]:
    """Decode ``[start_s, end_s)`` of an open file at its own rate and channels; float32 in [-1, 1].

    The stretch is exact to the sample: it is counted from the start of the file, because a jump lands
    where a container's clock allows (milliseconds in Matroska, whole packets of AAC in MP4). Decoding
    up to it takes some hundredth of its time. At most ``max_s`` seconds come out. ``timeout_s`` is by
    default 30 s and a tenth of the audio that has to be decoded. ``track`` is the sound track's number
    among those of the file; None is the first, which has to be the default one.

    Raises:
        OtherTrackError: it is not.
        DecodeError: ffmpeg does not know the format, meets an error, hangs or finds more than ``max_s``.

    """
    timeout_s = timeout_s or _timeout(start_s + max_s if end_s is None else end_s)
    gaps = clock.silence(file, track or 0)
    if gaps > MOST_SILENCE_S:
        raise DecodeError(f"its clock leaves {gaps:.0f} s without sound", opened=True)
    with _run(file, timeout_s + gaps / SLOWEST, track, filled=gaps > 0) as (opened, data):
        rate = opened.sample_rate
        last = None if end_s is None else round(end_s * rate)
        blocks = _stretch(data, round(start_s * rate), last, round(max_s * rate))
        yield replace(opened, blocks=blocks, filled_s=gaps)


def _stretch(
    data: Iterator[NDArray[np.float32]], first: int, last: int | None, most: int
) -> Iterator[NDArray[np.float32]]:
    """Yield frames ``[first, last)`` of what is decoded."""
    position = 0
    for block in data:
        wanted = block[max(0, first - position) : None if last is None else max(0, last - position)]
        position += len(block)
        if min(position, last or position) - first > most:
            raise DecodeError("more audio than is taken from one file", opened=True)
        if len(wanted):
            yield wanted
        if last is not None and position >= last:
            return


@contextlib.contextmanager
def _run(
    file: BinaryIO,
    timeout_s: float,
    track: int | None,
    *,
    filled: bool = False,
    listing: IO[bytes] | None = None,
) -> Iterator[tuple[Stream, Iterator[NDArray[np.float32]]]]:
    """Start ffmpeg on an open file; yields what it opened and all decoded blocks.

    ``listing`` gets the list of the packets by the time the last block has come.
    """
    # The format is found by content. A stream that changes its rate or channels midway is an error.
    source = ffmpeg.input(
        f"file:/dev/fd/{file.fileno()}",
        threads=1,  # the job's threads decode a file each; by itself ffmpeg takes every core
        nostdin=None,
        hide_banner=None,
        nostats=None,
        loglevel="level+info",
        xerror=None,
        reinit_filter=0,
        protocol_whitelist="file",
        format_whitelist=FORMATS,
    )
    # AU: a header of six numbers, then samples; it needs no length beforehand.
    kept = {"copyts": None} if clock.from_zero(file) else {}
    filters = [FEW]
    if filled:
        filters = [clock.FILL, FEW]
    elif os.pread(file.fileno(), 4, 0) == b"OggS":
        # Opus may end in packets that are not heard and have one time, no error; lost pages show elsewhere.
        filters = ["asetpts=N/SR/TB", FEW]
    heard = {"af": ",".join(filters), **(kept if filled else {})}
    sound = source[f"a:{track or 0}"]
    output = ffmpeg.output(sound, "pipe:1", format="au", acodec="pcm_f32be", map_metadata=-1, **heard)
    passed = [file.fileno()]
    if listing is not None:
        passed.append(listing.fileno())
        copied = {"format": "framecrc", "acodec": "copy", **kept}
        listed = ffmpeg.output(sound, f"pipe:{listing.fileno()}", **copied)
        output = ffmpeg.merge_outputs(output, listed)
    command = ffmpeg.compile(output, cmd=executable())
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, pass_fds=passed
        )
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()

        program.yields(process.pid)
        watchdog = threading.Timer(timeout_s, expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stdout is not None
            header = process.stdout.read(24)
            if len(header) < 24:
                process.wait()
                raise _failure(log, expired.is_set(), timeout_s)
            default, number = tracks(_log(log))
            if track is None and default:
                raise OtherTrackError(default)
            _, offset, _, _, rate, channels = struct.unpack(">4sIIIII", header)
            process.stdout.read(offset - 24)

            def blocks(stdout: IO[bytes] = process.stdout) -> Iterator[NDArray[np.float32]]:
                frame = 4 * channels
                while content := stdout.read(max(1, BLOCK // frame) * frame):
                    yield np.frombuffer(content, ">f4").astype(np.float32).reshape(-1, channels)
                if process.wait() != 0:
                    raise _failure(log, expired.is_set(), timeout_s)

            data = blocks()
            yield Stream(_container(log), rate, channels, data, tracks=number), data
            # Demuxers go on after lost packets; what follows would come too early.
            if ERROR.search(_log(log)):
                raise _failure(log, expired.is_set(), timeout_s)
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def _log(log: IO[bytes]) -> str:
    # Not seek and read: ffmpeg shares this file's position and may be writing.
    return os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")


def _container(log: IO[bytes]) -> str:
    """Return the demuxer's name; it is logged before any sample is written."""
    found = re.search(r"Input #0, (\S+), from ", _log(log))
    return found[1] if found else "unknown"


def tracks(log: str) -> tuple[int, int]:
    """Return the number of the default sound track, from 0, and how many there are, by ffmpeg's log."""
    found = TRACK.findall(log.partition("Stream mapping:")[0])
    marked = (number for number, words in enumerate(found) if "(default)" in words)
    return next(marked, 0), max(1, len(found))


def _failure(log: IO[bytes], expired: bool, timeout_s: float) -> DecodeError:
    """Return what went wrong: the first error logged, without what differs from run to run."""
    if expired:
        return DecodeError(f"ffmpeg timed out after {timeout_s:g} s", opened=True)
    logged = _log(log)
    errors = ERROR.findall(logged)
    text = errors[0] if errors else "ended early"
    text = re.sub(r"file:/dev/fd/\d+", "the file", text).replace("(", "[").replace(")", "]")
    return DecodeError(f"ffmpeg: {text.strip().rstrip('.')[:120]}", opened="Input #0" in logged)
