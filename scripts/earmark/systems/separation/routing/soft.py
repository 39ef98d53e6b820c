"""One network merged of all domains' adapters, each weighted by the probability of its domain."""

from __future__ import annotations

from earmark.systems.separation.asked import SOFT
from earmark.systems.separation.routing.contract import Options, Sample


def choose(sample: Sample, options: Options) -> str:
    """Return the merged network."""
    return SOFT
