"""Tensors of weight files, each mapped into memory by itself and compared with its recorded checksum.

A mapped tensor takes memory when it is looked at, and none of the address space behind it is reserved
beyond its own bytes: safetensors' own reader maps the whole file for every tensor it gives, which adds up
to ten times the weights where limits count addresses (``ulimit -v``, h_vmem).

The checksum is XXH3, ten times as fast as SHA-256: it is to find damage and exchanged files whenever weights
are read, not forgery. What identifies a model is the SHA-256 of its files.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from xxhash import xxh3_128_hexdigest

from earmark.core.errors import UserError
from earmark.core.memory import ran_out
from earmark.models.weight_files import Place, damaged, read_header

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


class WeightFile:
    """One safetensors file, its header read.

    Raises:
        UserError: the file is missing or damaged.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: Mapping[str, Place] = read_header(path)

    def tensor(self, key: str, expected: str | None = None) -> Tensor:
        """Return a tensor, mapped: a copy of its own if it is written to, the file never changes.

        ``expected`` is the checksum of its bytes; None for one that nobody recorded.

        Raises:
            UserError: the file holds no such tensor, or other bytes than were recorded.

        """
        if key not in self.places:
            raise damaged(self.path, f"it has no tensor '{key}'")
        place = self.places[key]
        dtype = DTYPES[place.dtype]
        if place.begin == place.end:
            return torch.empty(place.shape, dtype=dtype)
        before = place.begin % mmap.ALLOCATIONGRANULARITY
        try:
            with self.path.open("rb") as stream:
                view = mmap.mmap(
                    stream.fileno(),
                    place.end - place.begin + before,
                    access=mmap.ACCESS_COPY,
                    offset=place.begin - before,
                )
        except (OSError, ValueError) as error:
            if ran_out(error):
                raise
            raise damaged(self.path, error) from None
        if expected is not None and xxh3_128_hexdigest(memoryview(view)[before:]) != expected:
            raise UserError(
                f"{self.path}: '{key}' holds other bytes than when the checkpoint was recorded: the file was "
                "changed or is damaged; put the old one back, or delete the record (checkpoint.json) to make "
                "what depends on it again with the new one"
            )
        count = (place.end - place.begin) // dtype.itemsize
        return torch.frombuffer(view, dtype=dtype, count=count, offset=before).reshape(place.shape)

    def checksum(self, key: str) -> str:
        """Return the 128-bit XXH3 of a tensor's bytes as they are in the file, as hex."""
        tensor = self.tensor(key).reshape(-1)
        return xxh3_128_hexdigest(tensor.view(torch.uint8).numpy().data if tensor.numel() else b"")
