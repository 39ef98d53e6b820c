"""The best estimate, chosen with the source in hand: an upper bound, not a result.

This is how DP-LASS's published code scores, base left out. Of equal models plus noise, the best of several is
better than each.
"""

from __future__ import annotations

from earmark.systems.separation.asked import BASE
from earmark.systems.separation.routing.contract import Options, Sample


def choose(sample: Sample, options: Options) -> str:
    """Return the model with the greatest SDRi."""
    return max((BASE, *options.domains), key=lambda model: sample.sdri[model])
