"""What a probe is given."""

from __future__ import annotations

from earmark.config.section import Section, left_out
from earmark.config.values import Split


class Probe(Section):
    """The embeddings of a task's clips by one model, to be probed."""

    model: str
    dataset: str
    labels: list[str]
    """``demo``, ``small``, ``synthetic``: what every result is to be told apart by."""

    pooling: str
    span: str
    shards: dict[Split, int] | None = left_out()
    """Number per split, of which a layer's folder is read; None: all that lie there."""

    seed: int
    map_points: int
    """Clips of the map, at most."""
