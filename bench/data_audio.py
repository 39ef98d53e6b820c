"""What reading and packing audio costs, beside the usual ways.

Three comparisons, each side taking its turn in one process; the fastest turn counts, in CPU seconds of
this process and its children, so that a busy neighbour or a slow disk does not decide:

- reading 44.1 kHz Vorbis and WAV as 16 kHz mono, beside ``librosa.load(sr=16000)``;
- packing mono FLAC files that have the right rate already, beside ``tar``. tar copies bytes. Packing
  decodes every clip to verify its checksum and to measure it, hashes it and writes the JSON and the
  index beside it, so its ratio stays far under 1: it is the price of checked shards;
- packing the 44.1 kHz files, beside librosa, soundfile and webdataset's writer put together by hand,
  which checks and measures nothing.

    python bench/data_audio.py [--quick]

The last line is JSON: a `_ratio` is time of the usual way / our time; `_realtime` is seconds of audio
per CPU second, `_mb_per_s` megabytes of FLAC files per CPU second.
"""

from __future__ import annotations

import io
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path

import library  # noqa: F401  (where earmark lies)
import librosa
import numpy as np
import soundfile
import typer
import webdataset as wds

from earmark.audio import waveform as audio
from earmark.audio.measure import measured
from earmark.core.records import Clip, Part
from earmark.data import shards

SECONDS, SOURCE_RATE, RATE = 10, 44100, 16000


def sound(number: int, rate: int) -> np.ndarray:
    """Ten seconds of falling tones in noise, level changing: FLAC shrinks it about as it does speech."""
    rng = np.random.default_rng(number)
    t = np.arange(SECONDS * rate) / rate
    wave = 0.01 * rng.standard_normal(len(t))
    for _ in range(6):
        pitch, at = rng.uniform(100, 3000), rng.uniform(0, SECONDS)
        wave += 0.1 * np.sin(2 * np.pi * pitch * t) * np.exp(-((t - at) ** 2) * rng.uniform(0.2, 3))
    return wave.astype(np.float32)


def cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + spent.ru_utime + spent.ru_stime


def fastest(sides: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Seconds of each side's fastest turn, after one that does not count."""
    best = dict.fromkeys(sides, float("inf"))
    for turn in range(turns + 1):
        for name, run in sides.items():
            started = cpu()
            with redirect_stderr(io.StringIO()):
                run()
            if turn:
                best[name] = min(best[name], cpu() - started)
    return best


def packed(paths: list[Path], folder: Path) -> None:
    """Pack whole files by earmark."""

    def clips() -> Iterator[Clip]:
        for number, path in enumerate(paths):
            part = Part(str(path), 0.0, float(SECONDS))
            yield Clip(path.name, [path.name], [part], SECONDS, 0, 1, "train", ["x"], key=f"k{number}")

    shards.write(clips, folder / "ours.tar", folder / "ours.parquet", shards.Form(RATE))


def by_hand(paths: list[Path], folder: Path) -> None:
    """Pack files the way a notebook would."""
    with wds.TarWriter(str(folder / "hand.tar")) as tar:
        for number, path in enumerate(paths):
            buffer = io.BytesIO()
            soundfile.write(buffer, librosa.load(path, sr=RATE)[0], RATE, format="FLAC")
            tar.write({"__key__": f"k{number}", "flac": buffer.getvalue(), "json": {"label": "x"}})


def compare(folder: Path, count: int, turns: int) -> dict[str, float]:
    """Make the files and run the three comparisons."""
    sources, ready = [], []
    (folder / "flac").mkdir()
    for number in range(count):
        sources.append(folder / f"{number}.{'ogg' if number % 2 else 'wav'}")
        soundfile.write(sources[-1], sound(number, SOURCE_RATE), SOURCE_RATE)
    for number in range(4 * count):
        ready.append(folder / "flac" / f"{number:04d}.flac")
        soundfile.write(ready[-1], sound(number, RATE), RATE, subtype="PCM_16")
    megabytes = sum(path.stat().st_size for path in ready) / 1e6
    archive = [shutil.which("tar") or "tar", "-cf", str(folder / "plain.tar"), "-C", str(folder), "flac"]
    samples = audio.read(ready[0], RATE)
    decoded = audio.decode(ready[0])
    best = fastest(
        {
            "read": lambda: [audio.read(path, RATE) for path in sources],
            "librosa": lambda: [librosa.load(path, sr=RATE) for path in sources],
            "pack": lambda: packed(ready, folder),
            "tar": lambda: subprocess.run(archive, check=True),
            "convert": lambda: packed(sources, folder),
            "by hand": lambda: by_hand(sources, folder),
            "measures": lambda: [measured(samples, RATE, [decoded]) for _ in sources],
        },
        turns,
    )
    return {
        "decode_ratio": best["librosa"] / best["read"],
        "decode_realtime": count * SECONDS / best["read"],
        "pack_ratio": best["tar"] / best["pack"],
        "pack_mb_per_s": megabytes / best["pack"],
        "tar_mb_per_s": megabytes / best["tar"],
        "pack_realtime": len(ready) * SECONDS / best["pack"],
        "convert_ratio": best["by hand"] / best["convert"],
        "convert_realtime": count * SECONDS / best["convert"],
        "measures_share_of_convert": best["measures"] / best["convert"],
    }


def measure(quick: bool) -> dict[str, float]:
    """Run all in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        found = compare(Path(folder), 4 if quick else 24, 1 if quick else 3)
    return {name: round(value, 4) for name, value in found.items()}


def main(device: str = "cpu", quick: bool = False) -> None:
    """Measure and print; everything here runs on a CPU."""
    metrics = measure(quick)
    for name, value in metrics.items():
        print(f"{name:28}{value:12.3f}")
    print(json.dumps({"bench": "data_audio", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
