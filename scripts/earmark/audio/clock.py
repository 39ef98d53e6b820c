"""The clock of a container: when each packet of its sound is to be heard.

Matroska, WebM, MP4, FLV, ASF, MPEG streams and Ogg say so, and decoders that count samples pass over it: a
track that starts late, a hole, a packet that was dropped move all that follows. Such files are decoded with
silence in those places.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from statistics import median
from typing import BinaryIO

from earmark.audio.program import FORMATS, executable

FILL = "aresample=async=1:first_pts=0:min_hard_comp=0.005"
"""ffmpeg's filter: from the clock's zero on, silence where nothing is."""
LEAST_S = 0.0055
"""A gap is at least this long, which no clock of milliseconds says by rounding, and half a packet."""
LATE_S = 0.05
"""Later than this is a late start; the encoder's own delay is shorter."""
LONGER, ALIKE = 4, 1.5
"""So many times the usual length no packet has; the second where a codec's packets are all of one length."""
ONE_LENGTH = re.compile(r"^#codec_id 0: (?:aac|mp[123]|alac|flac|e?ac3|amr_[nw]b)$", re.MULTILINE)
TIMEOUT_S = 60.0
ZEROED = (b"\x1a\x45\xdf\xa3", b"FLV\1", bytes.fromhex("3026b2758e66cf11"), b"nut/")
"""How Matroska and WebM, FLV, ASF and NUT begin."""

MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free")


def silence(file: BinaryIO, track: int = 0) -> float:
    """Return the seconds that a container's clock leaves without sound, before it and in it; 0 of others."""
    return gaps(_listed(file, track)) if has_clock(file) else 0.0


def gaps(listing: str) -> float:
    """Return the seconds without sound in ffmpeg's list of a track's packets (``framecrc``)."""
    packets = _lengths(list(_packets(listing)))
    usual = median(length for _, length in packets) if packets else 0.0
    most = ALIKE * usual if ONE_LENGTH.search(listing) else LONGER * usual + LEAST_S
    found, due = 0.0, 0.0
    for number, (start, stated) in enumerate(packets):
        # MP4 has no holes: the packet before one is said to last until its end.
        length = usual if stated > most else stated
        gap = start - due
        if gap > (LATE_S if number == 0 else max(LEAST_S, length / 2)):
            found += gap
        due = max(due, start + length)
    return found


def _lengths(packets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return packets with lengths: up to the next one where none is stated, as of Vorbis in NUT."""
    if any(length for _, length in packets):
        return packets
    starts = [start for start, _ in packets]
    after = [*starts[1:], *starts[-1:]]
    return [(start, max(0.0, end - start)) for start, end in zip(starts, after, strict=True)]


def has_clock(file: BinaryIO) -> bool:
    """Whether a file has a clock, by its first bytes."""
    return from_zero(file) or _from_anywhere(os.pread(file.fileno(), 189, 0))


def from_zero(file: BinaryIO) -> bool:
    """Whether a file's clock begins at zero, whenever the sound does; a broadcast's begins anywhere."""
    begin = os.pread(file.fileno(), 12, 0)
    return begin.startswith(ZEROED) or begin[4:8] in MP4


def _from_anywhere(begin: bytes) -> bool:
    """Whether a file that begins so is an MPEG stream or Ogg: its first packet is at the clock's zero."""
    transport = begin[:1] == b"G" and begin[188:] == b"G"
    return transport or begin.startswith((b"\0\0\1\xba", b"OggS"))


def _listed(file: BinaryIO, track: int) -> str:
    """Return the list of the packets of a sound track; none is decoded."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    command = [executable(), "-nostdin", "-v", "error", "-protocol_whitelist", "file"]
    command += ["-format_whitelist", FORMATS, *(["-copyts"] if from_zero(file) else [])]
    command += ["-i", f"file:/dev/fd/{file.fileno()}"]
    command += ["-map", f"0:a:{track}", "-c", "copy", "-f", "framecrc", "-"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT_S,
            pass_fds=[file.fileno()],
        )
    except subprocess.TimeoutExpired:
        return ""  # the decoder, which is next, says what is wrong
    return done.stdout


def _packets(listing: str) -> Iterator[tuple[float, float]]:
    """Yield when each packet begins, and its length, in seconds."""
    unit = 0.0
    for line in listing.splitlines():
        if line.startswith("#tb 0:"):
            above, _, below = line.partition(":")[2].strip().partition("/")
            unit = int(above) / int(below)
        elif line[:2] == "0,":
            fields = line.split(",")
            yield int(fields[2]) * unit, int(fields[3]) * unit
