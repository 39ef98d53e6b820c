"""What the audio of a clip is like, measured while it is packed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from earmark.audio.decoded import Decoded
from earmark.core.records import Measures

FRAME_S = 0.02
SILENCE = 1e-6
"""Mean square of a frame at -60 dB of full scale."""

QUIETEST_DB = -160.0
"""What digital silence is given instead of minus infinity."""


def measured(samples: NDArray[np.float32], sample_rate: int, parts: list[Decoded]) -> Measures:
    """Return the measures of a packed clip [samples] decoded from ``parts``.

    Peak, level and silence are of the packed audio (a peak over 1 is cut off there); the clipped share
    is of the sources' samples, all channels, before mixing and resampling hide it.
    """
    size = min(len(samples), round(FRAME_S * sample_rate))
    whole = len(samples) // size * size
    frames = samples[:whole].reshape(-1, size)
    power = np.einsum("ij,ij->i", frames, frames) / size
    rest = samples[whole:]
    mean = (float(power.sum(dtype=np.float64)) * size + float(np.square(rest).sum())) / len(samples)
    read = sum(len(part.samples) * part.channels for part in parts)
    return Measures(
        container=parts[0].container,
        decoder=parts[0].decoder,
        source_rate=parts[0].sample_rate,
        source_channels=parts[0].channels,
        peak=float(max(samples.max(), -samples.min())),
        rms_db=max(QUIETEST_DB, 10 * math.log10(mean)) if mean > 0 else QUIETEST_DB,
        clipped_share=sum(part.clipped for part in parts) / read,
        silent_share=float(np.mean(power < SILENCE)),
        streams=max(part.joined for part in parts),
        tracks=max(part.tracks for part in parts),
        filled_s=sum(part.filled_s for part in parts),
    )


def of_source(now: Measures, before: Measures) -> Measures:
    """Return measures of a file that was cut from another, and what is known of that one's audio.

    The container stays that of the file at hand: it is compared with the file's name.
    """
    return replace(
        now,
        source_rate=before.source_rate,
        source_channels=before.source_channels,
        clipped_share=before.clipped_share,
        streams=before.streams,
        tracks=before.tracks,
        filled_s=before.filled_s,
    )
