"""Random numbers that depend on a seed and names, never on order or time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that is a function of ``seed`` and ``names`` alone."""
    # Not at the top: planning and the doctor come by here and draw nothing.
    import numpy as np

    digest = hashlib.sha256("\0".join([str(seed), *names]).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
