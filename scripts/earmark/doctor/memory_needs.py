"""Whether the models that are wanted fit into this machine's memory, loaded as config says."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from earmark.config.composed import known
from earmark.config.settings import Settings
from earmark.core.memory import present
from earmark.doctor.findings import MISSING, NOTE, OK, Finding
from earmark.doctor.machine import AREA
from earmark.models.needs import UNKNOWN, evaluating

FIX = "load: {mode: layerwise} in its config, a smaller evaluate.batch_audio_s, see docs/low_memory.md"


def checks(settings: Settings, models: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for every model of more than a gigabyte of weights."""
    here, _ = present()
    for name in sorted(models):
        need = evaluating(known(settings, name), settings.config.evaluate.batch_audio_s)
        if need == UNKNOWN or need.weights < 1e9:
            continue
        total, weights = need.total / 1e9, need.weights / 1e9
        text = f"{name} needs about {total:.1f} GB to answer, {weights:.1f} of them weights; "
        text += f"{here / 1e9:.0f} GB are here"
        if need.weights > here:
            yield Finding(AREA, "memory", MISSING, text, FIX, needed=True)
        else:
            yield Finding(AREA, "memory", NOTE if need.total > here else OK, text, FIX * (need.total > here))
