"""Peak memory of the data stages at two numbers of recordings: it must not grow with them.

A list of so many rows, dealt to train and test by the script that the rule runs, then cut or joined
to clips, and an index of so many clips, audited. The rows are distinct stretches of the same few files
under ids of their own, so that the list is long and the disk stays small. Each stage is a process of its
own and reports its own peak.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import library  # noqa: F401  (where earmark lies)
import numpy as np
import soundfile
import yaml

from earmark.audio.fingerprint import RECORD, SLOTS
from earmark.config import source as sources
from earmark.config.settings import Settings
from earmark.core.records import Clip, Measures, Part, write_manifest
from earmark.data.audit import prints

ROOT = Path(__file__).parents[1]
FILES, CLASSES = 200, 10

# Not getrusage: its peak begins with that of the process that started this one.
PEAK = """
import re, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, {scripts!r})
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("PEAK", re.search("VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


STAGES = ("download", "segment", "join", "audit")


def measure(quick: bool) -> dict[str, float]:
    """Return peak memory at 10,000 recordings / that at 100,000, per stage; quick: 1,000 and 4,000.

    A ``_ratio`` of 1 is flat. Beside it, ``peak_mb_<stage>_<rows>`` in megabytes.
    """
    counts = (1_000, 4_000) if quick else (10_000, 100_000)
    found: dict[str, float] = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            for stage, megabytes in peaks(Path(folder), count).items():
                found[f"peak_mb_{stage}_{count}"] = round(megabytes, 1)
    for stage in STAGES:
        few, many = (found[f"peak_mb_{stage}_{count}"] for count in counts)
        found[f"memory_ratio_{stage}"] = round(few / many, 3)
        print(f"{stage:9} peak {few:.0f} MB at {counts[0]:,} recordings, {many:.0f} MB at {counts[1]:,}")
    return found


def peaks(folder: Path, count: int) -> dict[str, float]:
    """Return peak memory in MB of collecting, cutting, joining and auditing ``count`` recordings."""
    write_list(folder, count)
    asked = {
        "kind": "list",
        "root": str(folder),
        "lists": "list.csv",
        "columns": {"id": "id", "source": "id"},
    }
    source = sources.read({**asked, "test_share": 0.5, "licence": "CC0-1.0"}, "bench").plain()
    recordings, clips = folder / "data/recordings.parquet", folder / "data/clips.parquet"

    def segment(settings: dict[str, Any]) -> float:
        options = json.dumps(dict.fromkeys(("train", "test"), settings))
        paths = ("--recordings", str(recordings), "--output", str(clips))
        return peak("segment.py", *paths, "--settings", options)

    index = folder / "data/shards/test-00000-of-00001.parquet"
    write_manifest(index, packed(count))
    prints.write(heard(count), folder / "data/fingerprints/test-00000-of-00001.parquet")
    settings = Settings.load(yaml.safe_load((ROOT / "config/config.yaml").read_text()), ROOT)
    return {
        "download": peak(
            "download.py", "--settings", json.dumps(source), "--output", str(recordings), "--threads", "2"
        ),
        "join": segment({"kind": "join", "min_s": 30, "max_s": 60, "by": "label+group"}),
        "segment": segment({"kind": "whole"}),
        "audit": peak(
            *("audit.py", "--task", "bench", "--folder", str(folder / "data"), "--shards", '{"test": 1}'),
            *("--settings", json.dumps(asdict(settings.audit("gtzan")))),
            *("--output", str(folder / "audit.json"), "--page", str(folder / "audit.html")),
        ),
    }


def packed(count: int) -> Iterator[Clip]:
    """Yield the index rows of made-up packed clips."""
    rng = np.random.default_rng(0)
    for i, (print_, _, key) in enumerate(heard(count)):
        yield Clip(
            clip_id=f"clip-{i:08d}",
            source_id=[f"recording-{i:08d}"],
            parts=[Part(f"audio/{i:08d}.wav", 0.0, 10.0)],
            duration_s=float(rng.uniform(2, 12)),
            sample_rate=16000,
            channels=1,
            split="test",
            labels=[f"class {i % CLASSES}"],
            licence="CC0-1.0",
            sha256=hashlib.sha256(print_).hexdigest(),
            key=key,
            measures=Measures("WAV", "libsndfile", 44100, 2, 0.5, -20.0, 0.0, 0.0),
        )


def heard(count: int) -> Iterator[prints.Row]:
    """Yield their fingerprints, one in a hundred a copy of the one before."""
    rng = np.random.default_rng(1)
    print_ = b""
    for i in range(count):
        print_ = print_ if i % 100 == 1 else rng.bytes(SLOTS * RECORD.itemsize)
        yield print_, "test-00000-of-00001.tar", f"clip-{i:08d}"


def write_list(folder: Path, count: int) -> None:
    """Write the files and a list of ``count`` rows over them."""
    draw = np.random.default_rng(0)
    for number in range(FILES):
        # Each another sound: equal content is one recording.
        noise = draw.standard_normal(16000).astype(np.float32) * 0.1
        soundfile.write(folder / f"{number:03d}.wav", noise, 16000)
    with (folder / "list.csv").open("w") as stream:
        stream.write("file,label,id,caption\n")
        for number in range(count):
            stream.write(
                f"{number % FILES:03d}.wav,class {number % CLASSES},recording-{number:08d},"
                f"what is heard in recording {number}\n"
            )


def peak(script: str, *arguments: str) -> float:
    """Run a script and return its peak memory in MB."""
    command = [sys.executable, "-c", PEAK.format(scripts=str(ROOT / "scripts"))]
    done = subprocess.run(
        [*command, str(ROOT / "scripts" / script), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{script}: {done.stderr[-500:]}")
    return int(done.stderr.rsplit("PEAK", 1)[1].split()[0]) / 1024
