"""Synthetic sounds for taggers, several at once: seeded, labelled as such.

A clip is coloured noise in which none to three of ten kinds of sound appear, each at a place, pitch,
length and level of its own. Kinds come in pairs that are easily taken for each other, and quiet ones
drown, so that nobody gets all of them right. ``labels`` of the split test are complete; of train, a
share of them is left out, drawn from the seed, as human lists of what is heard are incomplete.
``spans`` say what really sounds, and when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from earmark.audio import waveform as audio
from earmark.config.sources.synthetic_tags import Source
from earmark.core.progress import tqdm
from earmark.core.records import Clip, Span
from earmark.core.seeding import generator
from earmark.data.sources.recordings import with_headers

LICENCE = "CC0-1.0 (synthetic, made by earmark)"
HIGHEST_HZ = 7500.0
COUNTS = (0.08, 0.32, 0.36, 0.24)
"""How often a clip has none, one, two or three sounds."""

Wave = NDArray[np.float64]
Maker = Callable[[Wave, np.random.Generator], Wave]


def _tone(t: Wave, rng: np.random.Generator) -> Wave:
    """A steady note with two overtones."""
    return _harmonic(_pitch(rng, 600, 1000) * t, 0.5, 3)


def _vibrato(t: Wave, rng: np.random.Generator) -> Wave:
    """A note whose pitch sways, else as steady as the other."""
    rate, depth = rng.uniform(5, 9), rng.uniform(0.02, 0.05)
    hz = _pitch(rng, 600, 1000)
    return _harmonic(hz * (t + depth / (2 * np.pi * rate) * np.sin(2 * np.pi * rate * t)), 0.5, 3)


def _glide(t: Wave, rng: np.random.Generator, way: int) -> Wave:
    low = _pitch(rng, 900, 1400)
    octaves = way * rng.uniform(0.7, 1.2)
    start = low if way > 0 else low * 2**-octaves
    length = t[-1]
    return np.sin(2 * np.pi * start * length / (octaves * np.log(2)) * 2 ** (octaves * t / length))


def _rise(t: Wave, rng: np.random.Generator) -> Wave:
    """A whistle that goes up."""
    return _glide(t, rng, 1)


def _fall(t: Wave, rng: np.random.Generator) -> Wave:
    """A whistle that goes down."""
    return _glide(t, rng, -1)


def _hiss(t: Wave, rng: np.random.Generator) -> Wave:
    """A band of noise."""
    return _band(rng.standard_normal(len(t)), _pitch(rng, 3500, 5000), t)


def _clatter(t: Wave, rng: np.random.Generator) -> Wave:
    """The same band of noise, in bursts."""
    rate, phase = rng.uniform(7, 14), rng.random()
    return _hiss(t, rng) * np.exp(-6 * ((t * rate + phase) % 1))


def _buzz(t: Wave, rng: np.random.Generator) -> Wave:
    """Many overtones of a low note."""
    hz = _pitch(rng, 90, 140)
    return _harmonic(hz * t, 0.9, int(3000 / hz))


def _purr(t: Wave, rng: np.random.Generator) -> Wave:
    """The same, swelling many times a second."""
    rate = rng.uniform(12, 22)
    return _buzz(t, rng) * (0.5 + 0.5 * np.sin(2 * np.pi * rate * t + rng.uniform(0, 6.28))) ** 2


def _bell(t: Wave, rng: np.random.Generator) -> Wave:
    """Partials that fit no note and die away."""
    hz = _pitch(rng, 1500, 2200)
    ratios, decay = (1.0, 1.53, 2.14, 2.76), rng.uniform(5, 10)
    parts = [np.sin(2 * np.pi * hz * r * t + rng.uniform(0, 6.28)) * np.exp(-decay * r * t) for r in ratios]
    return np.sum(parts, axis=0)


def _pluck(t: Wave, rng: np.random.Generator) -> Wave:
    """Partials of a note that die away as a bell's do."""
    hz, decay = _pitch(rng, 1500, 2200), rng.uniform(5, 10)
    parts = [np.sin(2 * np.pi * hz * n * t) * np.exp(-decay * n * t) / n for n in (1, 2, 3, 4)]
    return np.sum(parts, axis=0)


SOUNDS: dict[str, Maker] = {
    "tone": _tone,
    "vibrato": _vibrato,
    "rise": _rise,
    "fall": _fall,
    "hiss": _hiss,
    "clatter": _clatter,
    "buzz": _buzz,
    "purr": _purr,
    "bell": _bell,
    "pluck": _pluck,
}


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Render the splits and yield their clips, one recording each."""
    for split, count in settings.clips.plain().items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        orders = [(folder, split, number, settings, seed) for number in range(count)]
        bar = tqdm(total=count, desc=f"rendering {split}", unit="clip")
        with ProcessPoolExecutor(threads) as pool, bar:
            clips = []
            for clip in pool.map(_made, orders, chunksize=32):
                clips.append(clip)
                bar.update()
        yield from with_headers(clips, folder, threads)


def _made(order: tuple[Path, str, int, Source, int]) -> Clip:
    """Write a clip's file and return its row; both depend on seed, split and number alone."""
    folder, split, number, settings, seed = order
    name = f"{split}/{number:05d}"
    samples, spans = render(settings, generator(seed, "tags", name))
    path = folder / f"{name}.flac"
    path.write_bytes(audio.flac_bytes(samples, settings.sample_rate))
    heard = sorted({span.label for span in spans})
    if split == "train":
        noticed = generator(seed, "noticed", name).random(len(heard)) >= settings.missing_share
        heard = [label for label, there in zip(heard, noticed, strict=True) if there]
    return Clip.unread(path, name, split, heard, licence=LICENCE, spans=spans)


def render(settings: Source, rng: np.random.Generator) -> tuple[NDArray[np.float32], list[Span]]:
    """Return a clip [samples] and what sounds in it, in order of time."""
    rate, seconds = settings.sample_rate, settings.seconds
    low, high = settings.level_db
    total = round(seconds * rate)
    clip = _background(total, rate, rng)
    names = rng.choice(list(SOUNDS), rng.choice(len(COUNTS), p=COUNTS), replace=False)
    spans = []
    for name in names:
        length = rng.uniform(0.3, 0.8) * seconds
        start = rng.uniform(0, seconds - length)
        first, t = round(start * rate), np.arange(round(length * rate)) / rate
        sound = SOUNDS[str(name)](t, rng) * _envelope(t)
        level = 10 ** (rng.uniform(low, high) / 20)
        place = slice(first, first + len(t))
        sound = sound[: len(clip[place])] / (np.sqrt(np.mean(sound**2)) + 1e-9)
        clip[place] += level * sound
        spans.append(Span(round(start, 4), round(start + length, 4), str(name)))
    clip = _below(clip, rate)
    clip *= 10 ** (rng.uniform(-18, -3) / 20) / np.abs(clip).max()
    return clip.astype(np.float32), sorted(spans, key=lambda span: (span.start_s, span.label))


def _pitch(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a pitch, octaves equally likely."""
    return float(low * (high / low) ** rng.random())


def _harmonic(turns: Wave, ratio: float, count: int) -> Wave:
    """Return the first overtones of a phase counted in turns, each ``ratio`` times the one below it."""
    step = np.exp(2j * np.pi * turns)
    # The sum of step * (ratio * step)**n for n below count.
    return np.asarray((step * (1 - (ratio * step) ** count) / (1 - ratio * step)).imag)


def _band(noise: Wave, centre: float, t: Wave) -> Wave:
    """Return noise in the half octave around a frequency."""
    rate = 1 / (t[1] - t[0])
    edges = [centre * 0.84, min(centre * 1.19, HIGHEST_HZ)]
    return np.asarray(sosfilt(butter(2, edges, "bandpass", fs=rate, output="sos"), noise))


def _background(total: int, rate: int, rng: np.random.Generator) -> Wave:
    """Return noise of power one, darker or brighter."""
    hz = np.fft.rfftfreq(total, 1 / rate)
    weight = np.maximum(hz, 50.0) ** -rng.uniform(0.0, 0.8)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(total)) * weight, total)
    noise = _below(noise, rate)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _below(samples: Wave, rate: int) -> Wave:
    """Return samples without what lies above what students hear."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / rate) > HIGHEST_HZ] = 0
    return np.asarray(np.fft.irfft(spectrum, len(samples)))


def _envelope(t: Wave) -> Wave:
    """Return a gentle beginning and end."""
    edge = 0.01
    return np.minimum(1, np.minimum(t, t[-1] - t) / edge)
