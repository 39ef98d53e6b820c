"""What turns a query into the vector that the separation network is conditioned on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from earmark.systems.separation.mono import Wave

Vectors = NDArray[np.float32]
"""[texts or recordings, size], each of length 1."""


class TextEncoder(Protocol):
    """Embeds texts. It is never trained, and runs once per text (see :mod:`.table`)."""

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        ...

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts."""
        ...


class AudioEncoder(Protocol):
    """Embeds recordings; where it shares its space with a text encoder, both can be compared."""

    def recordings(self, waves: Sequence[Wave]) -> Vectors:
        """Return the vectors of mono recordings at 32 kHz."""
        ...


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Return vectors scaled to length 1."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)
