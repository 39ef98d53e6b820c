"""What a sound is here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]
"""Mono, at 32 kHz unless said otherwise, [samples]."""
