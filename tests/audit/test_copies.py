"""Copies of every kind that bench/near.py plants are found by one audit of packed clips, and no strangers are."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest

from earmark.core.places import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import near

KINDS = (*near.KINDS, "opus", "clipped")
EACH = 5
"""Copies of a kind, each of another recording."""


def opus(samples):
    """Opus at 24 kbit/s and back."""
    return near.through(samples, "-c:a", "libopus", "-b:a", "24k", "-f", "ogg")


def clipped(samples):
    """Ten times louder, and cut off."""
    return np.clip(10 * samples, -1, 1)


def changed(samples, kind):
    return {"opus": opus, "clipped": clipped}.get(kind, lambda x: near.changed(x, kind))(samples)


@pytest.fixture(scope="module")
def recordings(real_audio):
    """Held-back recordings: digits, sounds and sentences in turn."""
    found = [r for r in near.recordings(real_audio, True) if len(r.samples) >= near.SHORTEST_S * near.RATE]
    by_kind = ([r for r in found if r.what == what][:8] for what in ("digits", "sounds", "sentences"))
    return [recording for together in zip(*by_kind) for recording in together]


def chosen(recordings, kind, place):
    """Return the recordings a kind of copy is made of: a cut that takes more than half leaves another clip."""
    long = [i for i, r in enumerate(recordings) if kind != "cut" or len(r.samples) >= 2 * near.SHIFT]
    return [(kind, long[(EACH * place + n) % len(long)]) for n in range(EACH)]


def test_planted_copies_of_every_kind_are_found_and_no_strangers(recordings, tmp_path):
    packed = near.Shards(tmp_path)
    packed.pack("o", [each.samples for each in recordings])
    of = [each for place, kind in enumerate(KINDS) for each in chosen(recordings, kind, place)]
    packed.pack("c", [changed(recordings[i].samples, kind) for kind, i in of])
    pairs, _ = packed.audit("o", "c")
    missed = Counter(kind for n, (kind, i) in enumerate(of) if (f"o-{i}", f"c-{n}") not in pairs)
    assert missed.total() <= 0.05 * len(of), missed
    whose = {f"o-{i}": each.originals for i, each in enumerate(recordings)}
    whose |= {f"c-{n}": recordings[i].originals for n, (_, i) in enumerate(of)}
    assert not [(a, b) for a, b in pairs if not whose[a] & whose[b]]
