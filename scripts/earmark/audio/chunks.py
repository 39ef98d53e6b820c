"""Where containers of chunks that state their own length end: MP4, ASF, Matroska, FLV, TTA, W64 and others.

Each function takes a file's bytes and where it begins in them, and returns where it ends; None if it leaves
that open, or was cut off and decoders notice. Where they don't, it raises AudioError.
"""

from __future__ import annotations

import struct
from mmap import mmap

from earmark.core.errors import AudioError

ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
"""How ASF (WMA) begins."""
ASF_OBJECTS = (ASF, *(bytes.fromhex(each) for each in (
    "3626b2758e66cf11a6d900aa0062ce6c",  # data
    "90080033b1e5cf1189f400a0c90349cb",  # simple index
    "d329e2d6da35d111903400a0c90349be",  # index
    "f803b1fead12644c840f2a1d2f7ad48c",  # media object index
    "d03fb73c4a0c0348953dedf7b6228f0c",  # timecode index
)))  # fmt: skip
"""The objects at the top of ASF: 16 bytes that say which, 8 of its size."""
MP4_BOXES = b"ftyp moov mdat free skip wide moof mfra sidx styp uuid udta meta emsg prft pnot".split()
"""Boxes at the top of MP4 that may have been cut off."""
EBML, SEGMENT, VOID, CRC = 0x1A45DFA3, 0x18538067, 0xEC, 0xBF
"""The elements at the top of Matroska and WebM."""
W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
"""How W64 begins: RIFF with a name of 16 bytes and a size of 8."""
W64_CHUNK = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""How the names of its chunks end; its own list and RIFF have others."""
NUT = b"nut/multimedia container\0"
FLV_TAGS = (8, 9, 18)
FLV_HEAD, FLV_LENGTH = 4096, b"duration\0"
"""Bytes in which a script's tag stands, and its name for the length, before a number in eight bytes."""


def mp4(content: bytes | mmap, start: int) -> int | None:
    """MP4, M4A and MOV: a new ``ftyp``, once there was a track, begins another file."""
    at, described = start, False
    while len(content) >= at + 8:
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind == b"ftyp" and described or not kind.strip(b" ").isalnum():
            return at
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16])
        if size < 8 or at + size > len(content):
            return None if kind in MP4_BOXES else at
        described = kind != b"ftyp" and (described or kind == b"moov")
        at += size
    return at


def asf(content: bytes | mmap, start: int) -> int | None:
    """ASF: a new header begins another file."""
    at = start
    while len(content) >= at + 24:
        name, size = content[at : at + 16], int.from_bytes(content[at + 16 : at + 24], "little")
        if name == ASF and at > start or name not in ASF_OBJECTS:
            return at
        if size < 24 or at + size > len(content):
            return None
        at += size
    return at


def matroska(content: bytes | mmap, start: int) -> int | None:
    """Matroska and WebM: a new EBML header begins another file; a live stream's segment states no size."""
    at, described = start, False
    while at < len(content):
        name, behind = _vint(content, at, marked=True)
        if name == EBML and described or name not in (EBML, SEGMENT, VOID, CRC):
            return at
        size, body = _vint(content, behind, marked=False)
        if size is None:
            return _next_ebml(content, body)
        if body + size > len(content):
            return None
        described |= name == SEGMENT
        at = body + size
    return at


def _vint(content: bytes | mmap, at: int, *, marked: bool) -> tuple[int | None, int]:
    """Return a number of EBML and where it ends, with its length's mark or without; None if it is unknown."""
    first = content[at] if at < len(content) else 0
    length = 9 - first.bit_length()
    value = int.from_bytes(content[at : at + length])
    if marked:
        return value, at + length
    value &= (1 << 7 * length) - 1
    return None if value == (1 << 7 * length) - 1 else value, at + length


def _next_ebml(content: bytes | mmap, at: int) -> int | None:
    """Return where the next file of Matroska begins, by its header and what kind it names there."""
    while (at := content.find(EBML.to_bytes(4), at)) > 0:
        head = content[at : at + 64]
        if b"matroska" in head or b"webm" in head:
            return at
        at += 4
    return None


def flv(content: bytes | mmap, start: int) -> int | None:
    """FLV: tags, each followed by its size; the time of the last one is about the length it states."""
    at, last = start + int.from_bytes(content[start + 5 : start + 9]) + 4, 0
    while len(content) >= at + 11 and content[at] in FLV_TAGS:
        last = max(last, content[at + 7] << 24 | int.from_bytes(content[at + 4 : at + 7]))
        at += 11 + int.from_bytes(content[at + 1 : at + 4]) + 4
    stated = content.find(FLV_LENGTH, start, start + FLV_HEAD)
    if stated > 0 and len(content) >= stated + len(FLV_LENGTH) + 8:
        seconds = struct.unpack_from(">d", content, stated + len(FLV_LENGTH))[0]
        if seconds > last / 1000 + 0.5:
            raise AudioError(
                f"wrong length (FLV states {seconds:.3f} s, its last packet begins at {last / 1000:.3f})"
            )
    return at if at <= len(content) else None


def nut(content: bytes | mmap, start: int) -> int | None:
    """NUT: where its name stands again; nothing in it states a length."""
    at = content.find(NUT, start + len(NUT))
    return at if at > 0 else None


def tta(content: bytes | mmap, start: int) -> int | None:
    """TTA: a table of the sizes of its frames, each of 256 / 245 s."""
    if len(content) < start + 22:
        return None
    rate, samples = struct.unpack_from("<II", content, start + 10)
    each = 256 * rate // 245
    number = -(-samples // each) if each else 0
    table = start + 22
    if not number or len(content) < table + 4 * number + 4:
        return None
    end = table + 4 * number + 4 + sum(struct.unpack_from(f"<{number}I", content, table))
    return end if end <= len(content) else None


def wavpack(content: bytes | mmap, start: int) -> int | None:
    """WavPack: blocks that say which samples they hold, and of how many; streams leave that open."""
    at, held, stated = start, 0, 0
    while len(content) >= at + 32 and content[at : at + 4] == b"wvpk":
        size, total, index, samples = struct.unpack_from("<I4xIII", content, at + 4)
        if index == 0 and at > start:
            return at
        stated, held, at = stated or total, max(held, index + samples), at + 8 + size
    if held < stated < 0xFFFFFFFF:
        raise AudioError(f"wrong length (WavPack counts {stated} samples, its blocks hold {held})")
    return at if at <= len(content) else None


def w64(content: bytes | mmap, start: int) -> int | None:
    """W64: chunks whose sizes count their own 24 bytes and are filled up to eight."""
    at = start + 40
    while len(content) >= at + 24 and content[at + 4 : at + 16] == W64_CHUNK:
        size = int.from_bytes(content[at + 16 : at + 24], "little")
        if size < 24:
            return None
        check_within(content, "W64", at + size)
        at += size + -size % 8
    return min(at, len(content))


def voc(content: bytes | mmap, start: int) -> int | None:
    """VOC: blocks of ten kinds, the last of which, 0, is one byte."""
    at = start + int.from_bytes(content[start + 20 : start + 22], "little")
    while len(content) >= at + 4 and 1 <= content[at] <= 9:
        at += 4 + int.from_bytes(content[at + 1 : at + 4], "little")
        check_within(content, "VOC", at)
    return at + 1 if content[at : at + 1] == b"\0" else at


def check_within(content: bytes | mmap, name: str, end: int) -> None:
    """Raise AudioError for a file that was cut off."""
    if end > len(content):
        raise AudioError(f"wrong length ({name} promises {end} bytes, {len(content)} are there)")
