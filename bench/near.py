"""How many copies the audit finds, and how many different recordings it takes for copies.

    python bench/near.py [--recordings ../shared/data] [--half held-out] [--quick]

Real digits, sounds and sentences, halved by speaker and by source: thresholds were chosen on the ``tuning``
half, and the other one is only measured. Beside them loops made here, all of one tempo and of the same drum
samples. Clips go through packing and the audit's own search; each kind of copy is planted in an audit of
its own. `found_<kind>` is the share of copies that are reported with their original, `false_per_thousand`
counts pairs that are not copies per thousand pairs of different recordings.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import library
import numpy as np
import soundfile
import soxr
import typer
from numpy.typing import NDArray

from earmark.audio import containers, waveform
from earmark.core.external_sort import database
from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.data.audit import candidates, hearing, near, prints, sounds, store

RATE = 16000
SHIFT = round(0.3 * RATE)
SHORTEST_S = 0.4
"""Of the clips that copies are made of."""
PLANTED = {"digits": 60, "sounds": 45, "sentences": 45, "long": 6, "loops": 12}
"""Copies of each kind of recording."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """A clip: what it is of, which originals it is from (those sharing one aren't different), its audio."""

    what: str
    originals: frozenset[str]
    samples: Samples


def shifted(x: Samples) -> Samples:
    """0.3 s of silence before."""
    return np.concatenate([np.zeros(SHIFT, np.float32), x])


def cut(x: Samples) -> Samples:
    """The first 0.3 s gone."""
    return x[SHIFT:]


def quiet(x: Samples) -> Samples:
    """12 dB down, in 16 bits."""
    return (np.round(x * 10 ** (-12 / 20) * 32767) / 32767).astype(np.float32)


def noisy(x: Samples) -> Samples:
    """White noise 20 dB below."""
    rng = np.random.default_rng(zlib.crc32(x.tobytes()))
    return x + rng.standard_normal(len(x), np.float32) * np.float32(0.1 * np.sqrt(np.mean(np.square(x))))


def resampled(x: Samples) -> Samples:
    """To 11,025 Hz and back."""
    return np.asarray(soxr.resample(soxr.resample(x, RATE, 11025), 11025, RATE), np.float32)


def encoded(x: Samples) -> Samples:
    """MP3 at 64 kbit/s and back, with what coders put before and behind."""
    return through(x, "-b:a", "64k", "-f", "mp3")


def through(x: Samples, *coding: str) -> Samples:
    """Audio that ffmpeg encoded, its options ending in ``-f`` and the container, and decoded."""
    there, run = io.BytesIO(), [containers.executable(), "-nostdin", "-v", "error"]
    soundfile.write(there, x, RATE, format="WAV", subtype="PCM_16")
    coder = [*run, "-f", "wav", "-i", "pipe:0", *coding, "pipe:1"]
    wav = [*run, *coding[-2:], "-i", "pipe:0", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "pipe:1"]
    made = subprocess.run(coder, input=there.getvalue(), stdout=subprocess.PIPE, check=True).stdout
    decoded = subprocess.run(wav, input=made, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(decoded, np.float32)


KINDS: dict[str, list[Callable[[Samples], Samples]]] = {
    "shifted": [shifted],
    "cut": [cut],
    "quiet": [quiet],
    "mp3": [encoded],
    "noisy": [noisy],
    "resampled": [resampled],
    "shifted_noisy": [shifted, noisy],
    "shifted_mp3_quiet": [shifted, encoded, quiet],
    "noisy_resampled_quiet": [noisy, resampled, quiet],
    "all": [shifted, noisy, encoded, resampled, quiet],
}


def recordings(folder: Path, held_out: bool) -> Iterator[Recording]:
    """Yield one half of the real recordings."""
    for of, what in (
        ("spoken_digits", "digits"),
        ("esc10", "sounds"),
        ("read_speech_lj", "sentences"),
        ("read_speech_nonnative", "sentences"),
        ("speaker_id", "sentences"),
        ("speaker_gender", "sentences"),
    ):
        with (folder / of / "metadata.csv").open() as table:
            for row in csv.DictReader(table):
                name = row["file"]
                # The number of a sound's source; two of them are one recording (they correlate by 0.97).
                source = name.split("-")[1].replace("30322", "28314") if of == "esc10" else ""
                side = source or (name if of == "read_speech_lj" else of + row["speaker"])
                if of == "spoken_digits":
                    second = row["speaker"] in ("nicolas", "yweweler")
                else:
                    second = bool(zlib.crc32(side.encode()) % 2)
                if second == held_out:
                    original = source or of + name
                    yield Recording(what, frozenset([original]), waveform.read(folder / of / name, RATE))


def long_ones(found: list[Recording]) -> Iterator[Recording]:
    """Yield clips of about two minutes, joined from sentences."""
    part: list[Recording] = []
    for each in found:
        part += [each] * (each.what == "sentences")
        if sum(len(sentence.samples) for sentence in part) > 90 * RATE:
            of = frozenset[str]().union(*(sentence.originals for sentence in part))
            yield Recording("long", of, np.concatenate([sentence.samples for sentence in part]))
            part = []


def loops(count: int = 24) -> Iterator[Recording]:
    """Yield loops of two bars at 120 beats a minute: the same drum samples, other patterns and melodies."""
    rng = np.random.default_rng(0)
    step = RATE // 8
    time_s = np.arange(step) / RATE
    drums = [
        np.sin(2 * np.pi * 60 * time_s) * np.exp(-time_s * 30),
        rng.standard_normal(step) * np.exp(-time_s * 40) * 0.5,
        rng.standard_normal(step) * np.exp(-time_s * 120) * 0.3,
    ]
    for number in range(count):
        hits = rng.random((3, 16)) < np.array([[0.3], [0.2], [0.6]])
        notes = 110 * 2 ** (rng.integers(0, 24, 16) / 12)
        bar = [
            sum(drum for drum, hit in zip(drums, column) if hit)
            + 0.3 * sum(np.sin(2 * np.pi * note * k * time_s) / k for k in (1, 2, 3))
            for column, note in zip(hits.T, notes)
        ]
        bars = np.tile(np.concatenate(bar), 2)
        yield Recording("loops", frozenset([f"loop {number}"]), (0.3 * bars).astype(np.float32))


class Shards:
    """Clips packed into shards of one folder, to be audited together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pack(self, split: str, clips: list[Samples]) -> None:
        """Pack clips as the one shard of a split, their ids numbered."""
        rows = []
        for number, samples in enumerate(clips):
            path = self._folder / f"{split}{number}.wav"
            soundfile.write(path, samples, RATE, subtype="PCM_16")
            seconds, name = len(samples) / RATE, f"{split}-{number}"
            part = Part(str(path), 0.0, seconds)
            rows.append(Clip(name, [name], [part], seconds, 0, 0, split, ["x"], key=name))
        tar = self._folder / f"{split}.tar"
        shards.write(lambda: iter(rows), tar, tar.with_suffix(".parquet"), shards.Form(RATE))
        prints.write(hearing.heard([tar]), self._prints(split))

    def _prints(self, split: str) -> Path:
        return self._folder / f"{split}.fingerprints.parquet"

    def audit(self, *splits: str) -> tuple[set[tuple[str, str]], int]:
        """Return the pairs that an audit of some splits reports, and how many it compared by sound."""
        with database() as connection:
            store.load(connection, [(split, self._folder / f"{split}.parquet") for split in splits])
            prints.load(connection, map(self._prints, splits))
            near.find(connection, sounds.Sounds(connection, self._folder))
            pairs = connection.execute(
                "SELECT a.clip_id, b.clip_id FROM near "
                "JOIN clips a ON a.id = near.a JOIN clips b ON b.id = near.b"
            ).fetchall()
            compared = sum(1 for _ in candidates.best(connection))
        return set(pairs), compared


def main(
    recordings_folder: Annotated[
        Path, typer.Option("--recordings", help="folder with metadata.csv files")
    ] = (library.ROOT.parent / "shared" / "data"),
    half: Annotated[Literal["tuning", "held-out"], typer.Option(help="which recordings")] = "held-out",
    kinds: Annotated[str, typer.Option(help="of copies, by commas")] = ",".join(KINDS),
    device: Annotated[str, typer.Option(help="the CPU whatever it says")] = "cpu",
    quick: Annotated[bool, typer.Option(help="some recordings and three kinds")] = False,
) -> None:
    """Count false pairs and found copies."""
    found: list[Recording] = []
    if (recordings_folder / "esc10" / "metadata.csv").is_file():
        found = list(recordings(recordings_folder, half == "held-out"))
    else:
        print(f"no recordings at {recordings_folder}: only loops made here are measured", file=sys.stderr)
    found = found[:: 8 if quick else 1]
    found += [*long_ones(found), *loops()]
    metrics = measured(found, ["mp3", "noisy", "all"] if quick else kinds.split(","))
    print(json.dumps({"bench": "near", "quick": quick, "device": "cpu", "metrics": metrics}))


def measured(found: list[Recording], kinds: list[str]) -> dict[str, float]:
    """Return the metrics of an audit of the originals alone, and of one for each kind of copy."""
    rng = np.random.default_rng(0)
    planted: list[int] = []
    for what, count in PLANTED.items():
        of = [i for i, r in enumerate(found) if r.what == what and len(r.samples) >= SHORTEST_S * RATE]
        planted += rng.choice(of, min(count, len(of)), replace=False).tolist() if of else []
    different = sum(not a.originals & b.originals for a, b in itertools.combinations(found, 2))
    with tempfile.TemporaryDirectory() as folder:
        packed = Shards(Path(folder))
        packed.pack("o", [each.samples for each in found])
        start = time.process_time()
        pairs, compared = packed.audit("o")
        seconds = time.process_time() - start
        false = [(a, b) for a, b in pairs if not found[int(a[2:])].originals & found[int(b[2:])].originals]
        print(
            f"{len(found)} clips, {different:,} pairs of different recordings, {compared:,} compared by sound"
        )
        print(f"{len(false)} of them reported {sorted(false)}; {seconds:.1f} s of CPU", flush=True)
        shares = {f"found_{kind}": _planted(packed, found, planted, kind) for kind in kinds}
    return {
        "false_per_thousand": 1000 * len(false) / different,
        "compared_share": compared / different,
    } | shares


def _planted(packed: Shards, found: list[Recording], planted: list[int], kind: str) -> float:
    """Return which share of one kind of copy is found; prints it for each kind of recording."""
    # A cut that takes more than half of a clip leaves another clip.
    chosen = [i for i in planted if kind != "cut" or len(found[i].samples) >= 2 * SHIFT]
    packed.pack("c", [changed(found[i].samples, kind) for i in chosen])
    pairs, _ = packed.audit("o", "c")
    of = {f"o-{i}": each.originals for i, each in enumerate(found)}
    of |= {f"c-{n}": found[i].originals for n, i in enumerate(chosen)}
    false = sum(not of[a] & of[b] for a, b in pairs)
    hits: dict[str, list[bool]] = {what: [] for what in PLANTED}
    for number, i in enumerate(chosen):
        hits[found[i].what].append((f"o-{i}", f"c-{number}") in pairs)
    total = sum(hits.values(), [])
    shares = ", ".join(f"{what} {sum(each)}/{len(each)}" for what, each in hits.items() if each)
    print(f"{kind:22s} {sum(total)}/{len(total)} ({shares}); false pairs {false}", flush=True)
    return sum(total) / len(total)


def changed(samples: Samples, kind: str) -> Samples:
    """Return a copy of a kind."""
    for step in KINDS[kind]:
        samples = step(samples)
    return samples


if __name__ == "__main__":
    typer.run(main)
