"""The estimate that sounds most like the query, by CLAP's two towers (CLAPScore).

Where the query encoder shares no space with recordings, likeness is to what the nearest class's training
clips sound like.
"""

from __future__ import annotations

from earmark.systems.separation.asked import BASE
from earmark.systems.separation.routing.contract import Options, Sample


def choose(sample: Sample, options: Options) -> str:
    """Return the model of the most fitting estimate; the base and then the domains' order among equals."""
    return max((BASE, *options.domains), key=lambda model: sample.likeness[model])
