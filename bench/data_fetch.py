"""Fetching item by item: our fetcher against a plain loop over yt-dlp, on one server.

The server runs in a process of its own on loopback and answers after 20 ms. Both sides download
10 s recordings (WebM, Opus) with yt-dlp, cut them, resample to 32 kHz and write FLAC; the plain side
one after the other in one process, ours with 1, 4 and 16 workers and no limit on the pace, its
ledger, checks and manifest included. The sides take turns, the fastest of the repeats counts.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import library  # noqa: F401  (where earmark lies)
import yt_dlp
from media_server import MediaServer, media, tone

from earmark.audio import containers as ffmpeg
from earmark.audio import waveform as audio
from earmark.config.packing import Kept
from earmark.core.records import WANTED, Clip, Part, write_manifest
from earmark.data.fetch.job import fetch
from earmark.data.fetch.network import Network

WORKERS = (1, 4, 16)
LATENCY_S = 0.02
RATE = 32000


def serve(pipe: Connection, folder: str, count: int) -> None:
    """Serve ``count`` recordings until told to end; sends the address first."""
    server = MediaServer(LATENCY_S)
    kinds = [media(Path(folder), tone(10, 48000, seed=i), 48000, "webm") for i in range(4)]
    for i in range(count):
        server.add(f"/{i}.webm", kinds[i % len(kinds)])
    pipe.send(server.url)
    pipe.recv()
    server.close()


def plain(url: str, count: int, folder: Path) -> None:
    """The usual script: one item after the other."""
    options: dict[str, Any] = {
        "format": "bestaudio/best",
        "outtmpl": {"default": f"{folder}/%(id)s.%(ext)s"},
        "quiet": True,
        "noprogress": True,
        "no_warnings": True,
        "ffmpeg_location": ffmpeg.executable(),
    }
    with yt_dlp.YoutubeDL(options) as ydl:
        for i in range(count):
            ydl.download([f"{url}/{i}.webm"])
            path = folder / f"{i}.webm"
            samples = audio.read(path, RATE, 1.0, 9.0)
            (folder / f"{i}.flac").write_bytes(audio.flac_bytes(samples, RATE))
            path.unlink()


def ours(url: str, count: int, folder: Path, workers: int) -> None:
    """The fetch rule's library call."""
    rows = (
        Clip(str(i), [str(i)], [Part(f"{url}/{i}.webm", 1.0, 9.0)], 8.0, 0, 0, "test", ["x"], status=WANTED)
        for i in range(count)
    )
    recordings = folder / "recordings.parquet"
    write_manifest(recordings, rows)
    keep = Kept(sample_rate=RATE)
    network = Network(workers=workers, requests_per_hour=None)
    fetch(recordings, "test", (0, 1), keep, network, folder / "fetch/bench", folder / "fetched.parquet")


def timed(run: Callable[[Path], None]) -> float:
    """Seconds of one run in a folder of its own, silent."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        started = time.perf_counter()
        with contextlib.redirect_stderr(nowhere):
            run(Path(folder))
        taken = time.perf_counter() - started
        assert len(list(Path(folder).rglob("*.flac"))) > 0
        return taken


def measure(quick: bool) -> dict[str, float]:
    """Return ``fetch_ratio_<workers>``: time of the plain loop / time of ours."""
    count, repeats = (16, 2) if quick else (96, 3)
    here, there = multiprocessing.get_context("spawn").Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, folder, count))
        process.start()
        try:
            url = here.recv()
            sides: dict[str, Callable[[Path], None]] = {"plain": partial(plain, url, count)}
            sides |= {f"{n}": partial(ours, url, count, workers=n) for n in WORKERS}
            plain(url, 1, Path(folder))
            best = dict.fromkeys(sides, float("inf"))
            for _ in range(repeats):
                for name, run in sides.items():
                    best[name] = min(best[name], timed(run))
        finally:
            here.send("end")
            process.join(10)
    print(f"{count} recordings of 10 s, {LATENCY_S * 1000:.0f} ms latency")
    print(f"{'side':>12} {'clips/s':>8} {'ratio':>6}")
    for name, taken in best.items():
        label = name if name == "plain" else f"{name} workers"
        print(f"{label:>12} {count / taken:8.1f} {best['plain'] / taken:6.2f}")
    return {f"fetch_ratio_{n}": round(best["plain"] / best[str(n)], 4) for n in WORKERS}
