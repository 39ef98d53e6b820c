"""Packing written down plainly: what every packer has to do, and nothing else.

Decode a file once, resample it where its rate is another, encode it as FLAC where it isn't already, hash
that and put it into a tar with a line of JSON beside it. No check of what was decoded, no measures, no
index, no care for a killed job. Mono files only.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import library  # noqa: F401  (where earmark lies)
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earmark.audio.program import executable

OTHERS = (".m4a", ".webm")
"""What libsndfile cannot read."""


def decoded(path: Path, rate: int) -> tuple[NDArray[np.float32], int]:
    """Return a file's samples and their rate; ``rate`` is the file's own where ffmpeg decodes."""
    if path.suffix not in OTHERS:
        samples, found = soundfile.read(path, dtype="float32")
        return samples, found
    command = [executable(), "-v", "error", "-nostdin", "-threads", "1", "-i", str(path), "-f", "f32le", "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, np.float32), rate


def pack(paths: list[Path], source_rate: int, rate: int, output: Path) -> None:
    """Pack files of ``source_rate`` at ``rate``."""
    with tarfile.open(output, "w") as tar:
        for number, path in enumerate(paths):
            samples, found = decoded(path, source_rate)
            if path.suffix == ".flac" and found == rate:
                content = path.read_bytes()
            else:
                buffer = io.BytesIO()
                if found != rate:
                    samples = soxr.resample(samples, found, rate, quality="HQ")
                soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_16")
                content = buffer.getvalue()
            about = {
                "label": "x",
                "seconds": len(samples) / found,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, body in ((f"k{number}.flac", content), (f"k{number}.json", json.dumps(about).encode())):
                member = tarfile.TarInfo(name)
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
