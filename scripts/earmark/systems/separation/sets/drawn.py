"""Mixtures of a task's test clips: each clip as a target, with a clip of other classes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from earmark.core.errors import AudioError
from earmark.core.seeding import generator
from earmark.systems.separation.mixing import Levels, mix
from earmark.systems.separation.mono import Wave
from earmark.systems.separation.query.table import spoken
from earmark.systems.separation.sets.contract import Listed, MixtureSet
from earmark.systems.separation.sounds import Sounds

_TRIES = 20
_NOTE = "Mixed here from test recordings that no training heard; comparable with nothing published."


def read(indexes: Sequence[Path], per_clip: int, snr_db: Sequence[int], seed: int) -> MixtureSet:
    """Return the mixtures of some shards' clips, a function of the seed and the clips' names.

    Args:
        indexes: of the shards.
        per_clip: mixtures with each clip as the target.
        snr_db: levels of the target over its interferer, of which one is drawn.
        seed: of the draws.

    Raises:
        UserError: a shard is damaged or holds nothing to mix.

    """
    sounds = Sounds.read(indexes, max_failed_share=1.0)
    samples = []
    for number, clip in enumerate(sounds.clips):
        for turn in range(per_clip):
            name = f"{clip.clip_id}#{turn}"
            samples.append(_sample(sounds, number, name, snr_db, seed))
    return MixtureSet(samples, "mean", _NOTE)


def _sample(sounds: Sounds, number: int, name: str, snr_db: Sequence[int], seed: int) -> Listed:
    clip = sounds.clips[number]
    rng = generator(seed, "set", name)
    label = clip.labels[int(rng.integers(len(clip.labels)))]

    def load() -> tuple[Wave, Wave]:
        drawn = generator(seed, "set", name, "mixture")
        target = sounds.wave(number)
        if target is None:
            raise AudioError("undecodable (the target)")
        for _ in range(_TRIES):
            other = int(drawn.integers(len(sounds)))
            beside = None if set(clip.labels) & set(sounds.clips[other].labels) else sounds.wave(other)
            if beside is not None and np.any(beside):
                level = -int(drawn.choice(list(snr_db)))
                samples = min(len(target), len(beside))
                made = mix(target[:samples], [beside[:samples]], drawn, Levels(level, level))
                return made.mixture, made.target
        raise AudioError("no partner (no clip of other classes was found)")

    return Listed(name, spoken(label), label, ",".join(clip.source_id), load)
