"""Which sounds a training mixture is made of: a target with one of its labels, and others that share none.

An item is drawn from a generator of its place in the training alone: (seed, step, item).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from earmark.core.errors import UserError
from earmark.core.seeding import generator
from earmark.systems.separation.mixing import Levels, Mixture, crop, mix, played
from earmark.systems.separation.mono import Wave
from earmark.systems.separation.sounds import Sounds

_TRIES = 50
_SILENT = 1e-9


@dataclass(frozen=True)
class Item:
    """A mixture and the label that asks for its target."""

    mixture: Mixture
    label: str


@dataclass(frozen=True)
class Draw:
    """How items are drawn.

    ``domain``: labels of targets; None: all. ``same_share``: of a domain, how often an interferer is of it.
    ``most``: sounds in a mixture. ``samples``: length; None: of the shortest clip in the mixture. ``speed``:
    how many times faster or slower a sound is played at most; needs ``samples``.
    """

    sounds: Sounds
    domain: frozenset[str] | None = None
    same_share: float = 0.0
    most: int = 2
    levels: Levels = Levels()
    samples: int | None = None
    speed: float = 1.0

    def __post_init__(self) -> None:
        """Check that there is something to draw; raises UserError."""
        if not self.targets:
            raise UserError("no training clip has a label of the domain; is the partition of another task?")
        if len(self.sounds.labels) < 2:
            raise UserError("a mixture needs sounds of two classes, and all clips are of one")

    @cached_property
    def targets(self) -> list[int]:
        """Clips that may be a target."""
        return self._with(self.domain) if self.domain is not None else list(range(len(self.sounds)))

    @cached_property
    def outside(self) -> list[int]:
        """Clips with no label of the domain."""
        inside = set(self.targets)
        return [number for number in range(len(self.sounds)) if number not in inside]

    def item(self, seed: int, *place: int | str) -> Item:
        """Return the item of a place in the training; what is silent or unreadable is drawn again.

        Raises:
            UserError: hardly any clip is usable.

        """
        rng = generator(seed, "mixture", *map(str, place))
        for _ in range(_TRIES):
            made = self._try(rng)
            if made is not None:
                return made
        raise UserError("the training clips are silent or all of one class: nothing can be mixed")

    def _try(self, rng: np.random.Generator) -> Item | None:
        number = self.targets[int(rng.integers(len(self.targets)))]
        clip = self.sounds.clips[number]
        labels = [label for label in clip.labels if self.domain is None or label in self.domain]
        label = labels[int(rng.integers(len(labels)))]
        others = [self._other(clip.labels, rng) for _ in range(int(rng.integers(2, self.most + 1)) - 1)]
        waves = [self.sounds.wave(each) for each in (number, *others) if each is not None]
        known = [wave for wave in waves if wave is not None]
        if len(known) < len(others) + 1:
            return None
        samples = self.samples or min(map(len, known))
        target, *rest = (self._part(wave, samples, rng) for wave in known)
        if _silent(target) or any(_silent(each) for each in rest):
            return None
        return Item(mix(target, rest, rng, self.levels), label)

    def _part(self, wave: Wave, samples: int, rng: np.random.Generator) -> Wave:
        """Return so many samples of a recording, at a speed by lot."""
        if self.speed == 1:
            return crop(wave, samples, rng)
        speed = float(np.exp(rng.uniform(-1, 1) * np.log(self.speed)))
        return played(crop(wave, round(samples * speed), rng), samples)

    def _other(self, labels: Sequence[str], rng: np.random.Generator) -> int | None:
        """Return a clip that shares no label, from the domain or from without; None if none is found."""
        inside = self.domain is None or not self.outside or rng.random() < self.same_share
        pool = self.targets if inside else self.outside
        for _ in range(_TRIES):
            number = pool[int(rng.integers(len(pool)))]
            if not set(labels) & set(self.sounds.clips[number].labels):
                return number
        return None

    def _with(self, labels: frozenset[str]) -> list[int]:
        return [n for n, clip in enumerate(self.sounds.clips) if labels & set(clip.labels)]


def _silent(wave: Wave) -> bool:
    return float(np.mean(np.square(wave))) <= _SILENT


def split(sounds: Sounds, share: float, seed: int) -> tuple[Sounds, Sounds]:
    """Return clips to train on and clips to choose by; all clips of one original recording are on one side.

    Raises:
        UserError: there are too few recordings for both.

    """
    sources = sorted({source for clip in sounds.clips for source in clip.source_id})
    parent = {source: source for source in sources}

    def root(source: str) -> str:
        while parent[source] != source:
            source = parent[source]
        return source

    for clip in sounds.clips:
        for source in clip.source_id[1:]:
            parent[root(source)] = root(clip.source_id[0])
    by_class: dict[str, list[str]] = {}
    for clip in sounds.clips:
        by_class.setdefault(clip.labels[0], []).append(root(clip.source_id[0]))
    held: set[str] = set()
    for label, found in sorted(by_class.items()):
        distinct = sorted(set(found))
        count = min(len(distinct) - 1, max(1, round(share * len(distinct)))) if share else 0
        order = generator(seed, "validation", label).permutation(len(distinct))
        held |= {distinct[place] for place in order[:count]}
    kept = [n for n, clip in enumerate(sounds.clips) if root(clip.source_id[0]) not in held]
    chosen = [n for n, clip in enumerate(sounds.clips) if root(clip.source_id[0]) in held]
    if share and (not kept or len({sounds.clips[n].labels[0] for n in chosen}) < 2):
        raise UserError(
            "validation_share: fewer than two classes have recordings to spare for the validation; use more "
            "recordings, or validation_share 0"
        )
    return sounds.chosen(kept), sounds.chosen(chosen)
