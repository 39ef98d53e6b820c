"""Peak memory of segmentation at 10,000 and 100,000 recordings, each run in a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from earmark.records import Clip, Part, Span, write_manifest  # noqa: E402

KINDS = {
    "whole": {"test": {"kind": "whole"}},
    "join": {"test": {"kind": "join", "min_s": 90, "max_s": 210, "by": "label+group"}},
    "windows": {"test": {"kind": "windows", "window_s": 2, "rest": "keep"}},
}
CHILD = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, {scripts!r})
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as done:
    assert not done.code
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def recordings(count: int) -> Iterator[Clip]:
    """Yield made-up recordings of ten classes and a thousand speakers, with a marked stretch each."""
    rng = np.random.default_rng(0)
    for i in range(count):
        length = float(rng.uniform(2, 12))
        yield Clip(
            clip_id=f"audio/{i:07d}.wav",
            source_id=[f"recording-{i // 2}"],
            parts=[Part(f"/corpus/audio/{i:07d}.wav", 0.0, length)],
            duration_s=length,
            sample_rate=16000,
            channels=1,
            split="test",
            labels=[f"class {i % 10}"],
            licence="CC-BY-4.0",
            group=f"speaker {i % 1000}",
            spans=[Span(0.5, 1.5, "marked")],
            sha256=f"{i:064x}",
        )


def peak_mb(script: str, arguments: list[str]) -> float:
    """Return the peak resident memory of a script's run, in MB."""
    child = CHILD.format(scripts=str(SCRIPTS))
    done = subprocess.run(
        [sys.executable, "-c", child, str(SCRIPTS / script), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return int(done.stdout.rpartition("peak ")[2]) / unit


def measure(quick: bool) -> dict[str, float]:
    """Return peak memory per kind and number of recordings in MB, and the smallest ratio of the two."""
    small, large = (1_000, 10_000) if quick else (10_000, 100_000)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in (small, large):
            manifest = Path(folder) / f"{count}.parquet"
            write_manifest(manifest, recordings(count))
            for kind, settings in KINDS.items():
                arguments = ["--recordings", str(manifest), "--settings", json.dumps(settings)]
                arguments += ["--output", str(Path(folder) / "clips.parquet")]
                found[f"segment_{kind}_{count}_mb"] = peak_mb("segment.py", arguments)
    ratios = [found[f"segment_{kind}_{small}_mb"] / found[f"segment_{kind}_{large}_mb"] for kind in KINDS]
    return {**found, "memory_ratio_segment": min(ratios)}
