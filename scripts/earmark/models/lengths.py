"""How long audio is at each place of the audio tower; a module of its own, since training needs no more."""

from __future__ import annotations


def positions(frames: int) -> int:
    """Return how many positions, 50 a second, the layers of the tower see of ``frames`` mel frames."""
    return (frames - 1) // 2 + 1


def audio_tokens(frames: int) -> int:
    """Return how many audio tokens, 25 a second, ``frames`` mel frames (10 ms each) become."""
    return positions(frames) // 2
