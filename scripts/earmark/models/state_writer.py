"""States on disk, one tensor a clip, written as they are made: memory holds a batch and never a shard."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import torch
from torch import Tensor

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""What safetensors calls types."""


class StateWriter:
    """Writes one safetensors file tensor by tensor; its header goes into room left at the front.

    The format wants the header first, with every offset in it; the room is blanks, which it allows.
    ``end`` is where the next tensor begins, from the first tensor on.
    """

    def __init__(self, stream: BinaryIO, tensors: int, metadata: dict[str, str]) -> None:
        self._stream = stream
        self._header: dict[str, Any] = {"__metadata__": metadata}
        self._room = -(-(len(json.dumps(metadata)) + 320 * (tensors + 1)) // 8) * 8
        self.end = 0
        stream.write(b" " * (8 + self._room))

    def add(self, key: str, tensor: Tensor) -> None:
        """Append a tensor."""
        plain = tensor.detach().cpu().contiguous()
        content = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
        self._header[key] = {
            "dtype": NAMES[plain.dtype],
            "shape": list(plain.shape),
            "data_offsets": [self.end, self.end + len(content)],
        }
        self.end += len(content)
        self._stream.write(content)

    def close(self) -> None:
        """Write the header.

        Raises:
            ValueError: the keys are longer than the room left for them.

        """
        header = json.dumps(self._header, separators=(",", ":")).encode()
        if len(header) > self._room:
            raise ValueError(f"a header of {len(header)} bytes does not fit into {self._room}")
        self._stream.seek(0)
        self._stream.write(self._room.to_bytes(8, "little") + header.ljust(self._room))
