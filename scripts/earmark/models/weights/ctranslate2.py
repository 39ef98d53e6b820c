"""Reader of CTranslate2's ``model.bin``, the layout of faster-whisper: named arrays, one after the other.

All numbers are little-endian; a string is its length in two bytes and its characters with a final NUL.
The file: version of the format, name and revision of the model's layout, the number of variables; of
each its name, rank, dimensions, type and bytes; then the number of aliases, each two names. Source:
https://github.com/OpenNMT/CTranslate2, python/ctranslate2/specs/model_spec.py (``_serialize``).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import UserError

VERSIONS = range(4, 7)
"""Versions of the format that say types by number and have aliases."""
TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
"""What the number of a type means; bfloat16, the sixth, has no type in NumPy."""
MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Binary:
    """What a file holds: the layout's name, and arrays by name, aliases among them."""

    spec: str
    revision: int
    arrays: dict[str, NDArray[np.generic]]


class _Torn(Exception):
    """The file ends before what it announces, or announces what can't be."""


def read(path: Path) -> Binary:
    """Read a file whole.

    Raises:
        UserError: it is torn, of another format or of a version that isn't known.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as stream:
            (version,) = _numbers(stream, "I")
            if version not in VERSIONS:
                raise UserError(
                    f"{path}: version {version} of CTranslate2's format, or another format; known are "
                    f"{VERSIONS[0]} to {VERSIONS[-1]}: convert it again with ct2-transformers-converter"
                )
            spec = _text(stream)
            revision, count = _numbers(stream, "II")
            arrays = dict(_array(stream, size) for _ in range(count))
            (aliases,) = _numbers(stream, "I")
            for _ in range(aliases):
                alias, name = _text(stream), _text(stream)
                if name not in arrays:
                    raise _Torn(f"'{alias}' is another name of '{name}', which isn't there")
                arrays[alias] = arrays[name]
    except _Torn as error:
        raise UserError(f"{path} is torn ({error}); fetch it again") from None
    return Binary(spec, revision, arrays)


def _bytes(stream: BinaryIO, count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise _Torn(f"it ends {count - len(content)} bytes early")
    return content


def _numbers(stream: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(f"<{form}", _bytes(stream, struct.calcsize(f"<{form}")))


def _text(stream: BinaryIO) -> str:
    (length,) = _numbers(stream, "H")
    try:
        return _bytes(stream, length).removesuffix(b"\0").decode()
    except UnicodeDecodeError:
        raise _Torn("a name is no text") from None


def _array(stream: BinaryIO, size: int) -> tuple[str, NDArray[np.generic]]:
    """Read one variable; ``size`` is the whole file's, which no array can be larger than."""
    name = _text(stream)
    (rank,) = _numbers(stream, "B")
    if rank > MOST_DIMENSIONS:
        raise _Torn(f"'{name}' has {rank} dimensions")
    shape = _numbers(stream, f"{rank}I")
    number, count = _numbers(stream, "BI")
    if number >= len(TYPES):
        raise _Torn(f"'{name}' is of the unknown type {number}")
    kind = np.dtype(TYPES[number]).newbyteorder("<")
    expected = kind.itemsize * int(np.prod(shape, dtype=object))
    if count != expected or count > size:
        raise _Torn(f"'{name}' of shape {shape} takes {expected} bytes, {count} are announced")
    return name, np.frombuffer(_bytes(stream, count), kind).reshape(shape)
