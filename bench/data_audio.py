"""What reading and packing audio costs, beside the least that it can.

Two comparisons for WAV, FLAC, MP3, Ogg Vorbis and M4A, for clips of 3 s and files of 120 s, at the rate
they have and resampled from 44.1 to 16 kHz:

- packing, beside decoding, hashing and writing alone (``data_floor``); packing also checks what it
  decodes, measures it for the audit and writes an index;
- reading as 16 kHz mono, beside ``librosa.load(sr=16000)``, which reads M4A by running ffmpeg.

The two sides take turns, each in a process of its own that stays; the fastest turn counts, in CPU seconds
of that process and its children, so that a busy neighbour or a slow disk does not decide.

    python bench/data_audio.py [--quick] [--only flac]

The last line is JSON: a `_ratio` is time of the other side / our time, the one without a format that of all
cases together; `_ms` are ours per file.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import data_floor
import library  # noqa: F401  (where earmark lies)
import librosa
import numpy as np
import soundfile
import typer

from earmark.audio import waveform as audio
from earmark.audio.program import executable
from earmark.core.allocator import keep_freed_memory
from earmark.core.records import Clip, Part
from earmark.data import shards

FORMATS = ("wav", "flac", "mp3", "ogg", "m4a")
RATE, HIGHER = 16000, 44100
SHORT_S, LONG_S = 3, 120


def sound(number: int, rate: int, seconds: float) -> np.ndarray:
    """Falling tones in noise, level changing: FLAC shrinks it about as it does speech."""
    rng = np.random.default_rng(number)
    t = np.arange(round(seconds * rate)) / rate
    wave = 0.01 * rng.standard_normal(len(t))
    for _ in range(6):
        pitch, at = rng.uniform(100, 3000), rng.uniform(0, seconds)
        wave += 0.1 * np.sin(2 * np.pi * pitch * t) * np.exp(-((t - at) ** 2) * rng.uniform(0.2, 3))
    return wave.astype(np.float32)


def made(folder: Path, form: str, rate: int, seconds: float, count: int) -> list[Path]:
    """Write the files of one case."""
    paths = []
    for number in range(count):
        path = folder / f"{form}-{rate}-{seconds}-{number}.{form}"
        samples = sound(number, rate, seconds)
        if form == "m4a":
            wav = path.with_suffix(".made.wav")
            soundfile.write(wav, samples, rate)
            command = [executable(), "-v", "error", "-nostdin", "-i", str(wav), "-c:a", "aac", str(path)]
            subprocess.run(command, check=True)
            wav.unlink()
        else:
            with soundfile.SoundFile(path, "w", rate, 1) as file:
                for at in range(0, len(samples), rate):  # libsndfile crashes on minutes of Vorbis at once
                    file.write(samples[at : at + rate])
        paths.append(path)
    return paths


def packed(paths: list[Path], source_rate: int, rate: int, output: Path) -> None:
    """Pack whole files by earmark."""

    def clips() -> Iterator[Clip]:
        for number, path in enumerate(paths):
            seconds = lengths[path]
            part = Part(str(path), 0.0, seconds)
            yield Clip(path.name, [path.name], [part], seconds, 0, 1, "train", ["x"], key=f"k{number}")

    for path in paths:
        if path not in lengths:  # in the turn that does not count
            lengths[path] = audio.probe(path).duration_s
    shards.write(clips, output, output.with_suffix(".parquet"), shards.Form(rate))


lengths: dict[Path, float] = {}
"""Seconds of files, known before they are packed, as the list of recordings gives them."""


def read(paths: list[Path], source_rate: int, rate: int, output: Path) -> None:
    """Read files by earmark."""
    for path in paths:
        audio.read(path, rate)


def read_plainly(paths: list[Path], source_rate: int, rate: int, output: Path) -> None:
    """Read files by librosa."""
    for path in paths:
        librosa.load(path, sr=rate)


SIDES: dict[str, Callable[[list[Path], int, int, Path], None]] = {
    "floor": data_floor.pack,
    "pack": packed,
    "librosa": read_plainly,
    "read": read,
}


def cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + spent.ru_utime + spent.ru_stime


def serve(side: str, asked: Connection) -> None:
    """Do one side's turns as they are asked for, and tell what each took."""
    warnings.simplefilter("ignore")  # librosa warns of every file that soundfile cannot read
    if side in ("pack", "read"):
        keep_freed_memory()
    while (case := asked.recv()) is not None:
        started = cpu()
        with redirect_stderr(io.StringIO()):
            SIDES[side](*case)
        asked.send(cpu() - started)


class Side:
    """A process that takes the turns of one side."""

    def __init__(self, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.name, (self._asked, theirs) = name, context.Pipe()
        self._process = context.Process(target=serve, args=(name, theirs), daemon=True)
        self._process.start()

    def turn(self, case: tuple[Any, ...]) -> float:
        """Return the CPU seconds of one turn."""
        self._asked.send(case)
        return float(self._asked.recv())

    def close(self) -> None:
        """End the process."""
        self._asked.send(None)
        self._process.join()


def fastest(sides: list[Side], case: tuple[Any, ...], turns: int) -> dict[str, float]:
    """Return seconds of each side's fastest turn, after one that does not count."""
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    for _ in range(turns + 1):
        for side in sides:
            taken[side.name].append(side.turn(case))
    return {name: min(each[1:]) for name, each in taken.items()}


def compare(folder: Path, forms: tuple[str, ...], quick: bool) -> dict[str, float]:
    """Make the files of all cases and let the sides take turns on them."""
    (folder / "ffmpeg").symlink_to(executable())  # librosa looks for it by this name alone
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    sides = [Side(name) for name in SIDES]
    found: dict[str, float] = {}
    sums: dict[str, float] = dict.fromkeys(SIDES, 0.0)
    for form in forms:
        for length, seconds, count in (("short", SHORT_S, 60), ("long", LONG_S // (8 if quick else 1), 2)):
            count = max(1, count // (10 if quick else 4 if form == "m4a" else 1))
            for way, source_rate in (("", RATE), ("_resampled", HIGHER)):
                paths = made(folder, form, source_rate, seconds, count)
                case = (paths, source_rate, RATE, folder / "x.tar")
                best = fastest(sides, case, 1 if quick else 5)
                name = f"{form}_{length}{way}"
                found[f"pack_ratio_{name}"] = best["floor"] / best["pack"]
                found[f"decode_ratio_{name}"] = best["librosa"] / best["read"]
                found[f"pack_ms_{name}"] = best["pack"] / count * 1000
                told = ", ".join(f"{side} {taken / count * 1000:.2f}" for side, taken in best.items())
                print(f"{name}: {told} ms a file", flush=True)
                for who, taken in best.items():
                    sums[who] += taken
    for side in sides:
        side.close()
    everything = {
        "pack_ratio": sums["floor"] / sums["pack"],
        "decode_ratio": sums["librosa"] / sums["read"],
    }
    return everything | found


def measure(quick: bool, forms: tuple[str, ...] = FORMATS) -> dict[str, float]:
    """Run all in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        found = compare(Path(folder), forms, quick)
    return {name: round(value, 4) for name, value in found.items()}


def main(device: str = "cpu", quick: bool = False, only: str = "") -> None:
    """Measure and print; everything here runs on a CPU."""
    metrics = measure(quick, (only,) if only else FORMATS)
    for name, value in metrics.items():
        print(f"{name:36}{value:12.3f}")
    print(json.dumps({"bench": "data_audio", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
