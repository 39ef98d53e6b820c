"""The domain of the classes whose names are nearest to the query."""

from __future__ import annotations

from earmark.systems.separation.routing.contract import Options, Sample


def choose(sample: Sample, options: Options) -> str:
    """Return the likeliest domain, the first among equals."""
    return options.domains[sample.shares.index(max(sample.shares))]
