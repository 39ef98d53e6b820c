"""Synthetic long-audio music: eight seeded genres for the offline demo.

A genre fixes tempo, a 16-step drum pattern, chord quality, timbre and how the chord is played. A clip is
a long steady bed in which passages of the genre (share `evidence`) and a few passages of other genres
(share `distract`) appear, so that the label is a majority vote over sparse evidence and most of the time
carries none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000

_PASSAGE_SECONDS = (0.8, 2.0)
_NOISE_FLOOR_DB = (-30.0, -10.0)
_PEAK = (0.3, 0.9)
_PASSAGE_RMS = 0.3
_BASE_HZ = 110.0
_HIGHEST_PARTIAL_HZ = 7500.0
_PARTIALS = 8
_PROGRESSION = (0, 3, 5, 7, 8, 10)  # roots that a passage's chords are drawn from, in semitones above the key
_TAIL = 6 * SAMPLE_RATE  # room for the last note or drum to ring past the passage's end before it is cut


@dataclass(frozen=True)
class _Genre:
    """What makes a genre: patterns are 16 steps of a sixteenth note, intervals semitones above the root."""

    tempo: tuple[float, float]  # beats per minute, drawn uniformly
    kick: str
    snare: str
    hat: str
    chord: tuple[int, ...]
    rolloff: float  # amplitude of each partial relative to the one below it
    note_steps: int  # a note lasts this many steps
    playing: Literal["block", "arpeggio", "offbeat"]


_REST = "................"

_GENRES: dict[str, _Genre] = {
    "techno": _Genre(
        (124, 136), "x...x...x...x...", _REST, "..x...x...x...x.", (0, 7, 12), 0.55, 2, "arpeggio"
    ),
    "rock": _Genre(
        (105, 120), "x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x.", (0, 7), 0.85, 4, "block"
    ),
    "jazz": _Genre(
        (140, 170),
        "x.........x.....",
        "......x.......x.",
        "x..xx.x.x..xx.x.",
        (0, 4, 7, 11),
        0.35,
        3,
        "block",
    ),
    "hiphop": _Genre(
        (80, 95), "x..x..x......x..", "....x.......x...", "x.x.x.xxx.x.x.x.", (0, 3, 7, 10), 0.45, 6, "block"
    ),
    "ambient": _Genre((60, 75), _REST, _REST, _REST, (0, 7, 14), 0.30, 16, "block"),
    "reggae": _Genre(
        (70, 85), "........x.......", "........x.......", "x.x.x.x.x.x.x.x.", (0, 4, 7), 0.50, 1, "offbeat"
    ),
    "metal": _Genre(
        (150, 180), "xxxxxxxxxxxxxxxx", "....x.......x...", "x...x...x...x...", (0, 7, 12), 0.95, 1, "block"
    ),
    "classical": _Genre((85, 110), _REST, _REST, _REST, (0, 4, 7, 12), 0.60, 2, "arpeggio"),
}

GENRES: tuple[str, ...] = tuple(_GENRES)


def render(
    genre: str,
    seconds: float,
    rng: np.random.Generator,
    *,
    evidence: float = 0.35,
    distract: float = 0.12,
) -> NDArray[np.float32]:
    """Render one clip; the same generator state gives the same samples.

    Args:
        genre: one of `GENRES`.
        seconds: length of the clip.
        rng: the only source of randomness.
        evidence: share of passages in the genre (at least one passage).
        distract: share of passages in other genres, always fewer than those in the genre.

    Returns:
        Mono wave at `SAMPLE_RATE`, shape [round(seconds * SAMPLE_RATE)], peak between 0.3 and 0.9.

    """
    if genre not in _GENRES:
        raise ValueError(f"unknown genre {genre!r}; known: {', '.join(GENRES)}")
    total = round(seconds * SAMPLE_RATE)
    if total < 1:
        raise ValueError(f"a clip needs at least one sample, got {seconds} s")
    key = int(rng.integers(12))
    lengths = _passage_lengths(total, rng)
    roles = _passage_genres(genre, len(lengths), evidence, distract, rng)
    clip = np.empty(total)
    start = 0
    for length, role in zip(lengths, roles, strict=True):
        part = _bed(length, key, start, rng) if role is None else _passage(role, length, key, rng)
        clip[start : start + length] = part
        start += length
    noise_db = rng.uniform(*_NOISE_FLOOR_DB)
    clip += rng.standard_normal(total) * 0.2 * 10 ** (noise_db / 20)
    clip *= rng.uniform(*_PEAK) / np.abs(clip).max()
    return clip.astype(np.float32)


def _passage_lengths(total: int, rng: np.random.Generator) -> list[int]:
    """Cut `total` samples into consecutive passages of a second or so."""
    lengths: list[int] = []
    left = total
    while left > 0:
        length = min(int(rng.uniform(*_PASSAGE_SECONDS) * SAMPLE_RATE), left)
        lengths.append(length)
        left -= length
    return lengths


def _passage_genres(
    genre: str, count: int, evidence: float, distract: float, rng: np.random.Generator
) -> list[str | None]:
    """Give each passage its genre; None is the bed."""
    theme = min(count, max(1, round(evidence * count)))
    foreign = min(round(distract * count), theme - 1, count - theme)
    order = rng.permutation(count)
    roles: list[str | None] = [None] * count
    for place in order[:theme]:
        roles[place] = genre
    others = [name for name in GENRES if name != genre]
    for place in order[theme : theme + foreign]:
        roles[place] = others[rng.integers(len(others))]
    return roles


def _bed(length: int, key: int, start: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a steady drone on the key note; `start` keeps its phase running across passages."""
    time = (np.arange(length) + start) / SAMPLE_RATE
    phase = 2 * np.pi * _BASE_HZ * 2 ** (key / 12) * time
    tremolo = 1 + 0.2 * np.sin(np.pi * time)
    tone = np.sin(phase)
    drone = 0.25 * (tone + 0.8 * tone * np.cos(phase)) * tremolo  # the octave: sin 2x = 2 sin x cos x
    return drone + 0.01 * rng.standard_normal(length)


def _passage(name: str, length: int, key: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Play a genre for `length` samples from a random place in its bar, at a fixed RMS level."""
    genre = _GENRES[name]
    beat = 60 / rng.uniform(*genre.tempo)
    step = int(SAMPLE_RATE * beat / 4)
    offset = int(rng.integers(len(genre.kick)))
    sound = np.zeros(length + _TAIL)
    _play_drums(sound, length, genre, step, offset, rng)
    _play_chords(sound, length, genre, step, offset, key, rng)
    sound = sound[:length]
    return sound * (_PASSAGE_RMS / (np.sqrt(np.mean(sound**2)) + 1e-6))


def _play_drums(
    sound: NDArray[np.float64],
    length: int,
    genre: _Genre,
    step: int,
    offset: int,
    rng: np.random.Generator,
) -> None:
    """Add the three drum tracks to `sound` in place."""
    kit = ((genre.kick, _kick()), (genre.snare, _snare(rng)), (genre.hat, _hat(rng)))
    for pattern, drum in kit:
        for index in range(length // step + 1):
            if pattern[(index + offset) % len(pattern)] == "x":
                start = index * step
                sound[start : start + len(drum)] += drum


def _play_chords(
    sound: NDArray[np.float64],
    length: int,
    genre: _Genre,
    step: int,
    offset: int,
    key: int,
    rng: np.random.Generator,
) -> None:
    """Add chords or arpeggios to `sound` in place; the root changes every bar."""
    roots = key + rng.choice(_PROGRESSION, size=8)
    bar = len(genre.kick)
    notes: dict[int, NDArray[np.float64]] = {}
    for index in range(length // step + 1):
        if not _plays(genre, index, offset, bar):
            continue
        root = int(roots[(index // bar) % len(roots)])
        intervals: Sequence[int] = genre.chord
        if genre.playing == "arpeggio":
            intervals = (genre.chord[(index // genre.note_steps) % len(genre.chord)],)
        start = index * step
        for interval in intervals:
            pitch = root + interval
            if pitch not in notes:  # its first time leaves the most room before the passage is cut
                notes[pitch] = 0.35 * _note(pitch, genre.note_steps * step, genre.rolloff, length - start)
            note = notes[pitch][: length - start]
            sound[start : start + len(note)] += note


def _plays(genre: _Genre, index: int, offset: int, bar: int) -> bool:
    """Say whether a chord starts at this step."""
    if genre.playing == "offbeat":
        return ((index + offset) % bar) % 4 == 2
    return index % genre.note_steps == 0


def _note(pitch: int, length: int, rolloff: float, most: int) -> NDArray[np.float64]:
    """Return a harmonic tone `pitch` semitones above 110 Hz with a short attack and release.

    Of its `length` samples at most the first `most` are made.
    """
    time = np.arange(min(length, most)) / SAMPLE_RATE
    hz = _BASE_HZ * 2 ** (pitch / 12)
    phase = 2 * np.pi * hz * time
    # sin((n + 1) x) = 2 cos(x) sin(n x) - sin((n - 1) x): two sines for all partials
    below, here, turn = np.zeros(len(time)), np.sin(phase), 2 * np.cos(phase)
    tone = here.copy()
    for partial in range(2, _PARTIALS + 1):
        if hz * partial > _HIGHEST_PARTIAL_HZ:
            break
        below, here = here, turn * here - below
        tone += rolloff ** (partial - 1) * here
    attack = time / 0.008
    release = (length / SAMPLE_RATE - time) / 0.02
    return tone * np.minimum(1.0, np.minimum(attack, release)) / 3


def _kick() -> NDArray[np.float64]:
    """Return a decaying sine near 50 Hz whose pitch falls at first."""
    time = np.arange(int(0.18 * SAMPLE_RATE)) / SAMPLE_RATE
    return 0.9 * np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-30 * time)))) * np.exp(-18 * time)


def _snare(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a burst of white noise."""
    length = int(0.15 * SAMPLE_RATE)
    return 0.5 * rng.standard_normal(length) * _strike(length, 0.05)


def _hat(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a very short burst of high-passed noise."""
    length = int(0.05 * SAMPLE_RATE)
    bright = np.diff(rng.standard_normal(length), prepend=0.0)
    return 0.3 * bright * _strike(length, 0.015)


def _strike(length: int, decay_seconds: float) -> NDArray[np.float64]:
    """Return a percussive envelope: 1 ms attack, exponential decay."""
    time = np.arange(length) / SAMPLE_RATE
    return (1 - np.exp(-time / 0.001)) * np.exp(-time / decay_seconds)
