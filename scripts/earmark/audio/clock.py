"""The clock of a container: when each packet of its sound is to be heard.

Matroska, WebM, MP4, FLV, ASF, MPEG streams and Ogg say so, and decoders that count samples pass over it: a
track that starts late, a hole, a packet that was dropped move all that follows. Such files are decoded with
silence in those places.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from earmark.audio import mp4_table
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
UNIT = re.compile(r"^#tb 0: *(\d+)/(\d+)$", re.MULTILINE)
TIMEOUT_S = 60.0
ZEROED = (b"\x1a\x45\xdf\xa3", b"FLV\1", bytes.fromhex("3026b2758e66cf11"), b"nut/")
"""How Matroska and WebM, FLV, ASF and NUT begin."""

MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free")


def silence(file: BinaryIO, track: int = 0) -> float:
    """Return the seconds that a container's clock leaves without sound, before it and in it; 0 of others."""
    return gaps(_listed(file, track)) if to_be_looked_at(file) else 0.0


def gaps(listing: str) -> float:
    """Return the seconds without sound in ffmpeg's list of a track's packets (``framecrc``)."""
    start, stated = _packets(listing)
    if not len(start):
        return 0.0
    usual = float(np.median(stated))
    most = ALIKE * usual if ONE_LENGTH.search(listing) else LONGER * usual + LEAST_S
    # MP4 has no holes: the packet before one is said to last until its end.
    length = np.where(stated > most, usual, stated)
    due = np.maximum.accumulate(np.concatenate([[0.0], start + length]))[:-1]
    least = np.maximum(LEAST_S, length / 2)
    least[0] = LATE_S
    gap = start - due
    return float(gap[gap > least].sum())


def to_be_looked_at(file: BinaryIO) -> bool:
    """Whether a file has a clock, by its first bytes, and no table says that there are no gaps in it."""
    clocked = from_zero(file) or _from_anywhere(os.pread(file.fileno(), 189, 0))
    return clocked and not mp4_table.steady(file)


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


def _packets(listing: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return when each packet begins, and its length, in seconds."""
    unit = UNIT.search(listing)
    if unit is None or "\n0," not in listing:
        return np.empty(0), np.empty(0)
    table = np.loadtxt(io.StringIO(listing), np.int64, delimiter=",", usecols=(2, 3), ndmin=2)
    start, length = table.T * (int(unit[1]) / int(unit[2]))
    if not length.any():  # as of Vorbis in NUT: up to the next one
        length = np.maximum(0.0, np.append(start[1:], start[-1:]) - start)
    return start, length
