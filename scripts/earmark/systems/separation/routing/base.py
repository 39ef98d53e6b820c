"""No routing: the network without any adapter, which everything else is compared with."""

from __future__ import annotations

from earmark.systems.separation.asked import BASE
from earmark.systems.separation.routing.contract import Options, Sample


def choose(sample: Sample, options: Options) -> str:
    """Return the base."""
    return BASE
