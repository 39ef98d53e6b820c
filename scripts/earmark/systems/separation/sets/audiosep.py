"""AudioSep's six benchmarks as rendered by its authors, ready to be separated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from earmark.audio import waveform
from earmark.core.errors import AudioError
from earmark.systems.separation.mono import Wave
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.sets.contract import Listed, MixtureSet
from earmark.systems.separation.sets.tables import LAYOUTS, Pair, checked

_NOTE = "AudioSep's rendered mixtures. Their levels are not documented: see the mixture's own SDR."


def read(layout: str, root: Path, table: Path, query: str = "caption") -> MixtureSet:
    """Return the samples of a benchmark; see :func:`.tables.checked` for arguments and errors."""
    found = checked(layout, root, table, query)
    samples = [Listed(pair.name, pair.query, pair.label, pair.source, _loader(pair)) for pair in found]
    return MixtureSet(samples, LAYOUTS[layout].aggregation, _NOTE)


def _loader(pair: Pair) -> Callable[[], tuple[Wave, Wave]]:
    def load() -> tuple[Wave, Wave]:
        mixture, reference = (waveform.read(path, SAMPLE_RATE) for path in (pair.mixture, pair.reference))
        if len(mixture) != len(reference):
            raise AudioError(f"wrong length ({len(mixture)} and {len(reference)} samples)")
        return mixture, reference

    return load
