"""A set of mixtures whose sources are known: what is listed of it, and how its scores become one number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from earmark.systems.separation.mono import Wave
from earmark.systems.separation.sets.tables import Aggregation


@dataclass(frozen=True)
class Listed:
    """A sample: what is asked of which mixture, and how to get its audio.

    ``source`` names the recording that is to be found: samples that share it are not independent. ``label``
    is its class, None where there are none.
    ``load`` returns mixture and reference [samples] at 32 kHz, and raises AudioError if it can't.
    """

    name: str
    query: str
    label: str | None
    source: str
    load: Callable[[], tuple[Wave, Wave]]


@dataclass(frozen=True)
class MixtureSet:
    """The samples of a set, in order, and its aggregation."""

    samples: list[Listed]
    aggregation: Aggregation
    note: str = ""
    """What a reader of its numbers has to know."""
