"""The nearest classes' domain, or the base where the query says too little."""

from __future__ import annotations

from earmark.systems.separation.asked import BASE
from earmark.systems.separation.routing import text
from earmark.systems.separation.routing.contract import Options, Sample, entropy


def choose(sample: Sample, options: Options) -> str:
    """Return the base for an entropy above the bound, and otherwise the likeliest domain."""
    return BASE if entropy(sample.shares) > options.unsure_above else text.choose(sample, options)
