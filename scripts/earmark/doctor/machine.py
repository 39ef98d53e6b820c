"""What the machine has besides Python: GPU, ffmpeg, conda, Slurm, a way to run on several GPUs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from earmark.core.errors import UserError
from earmark.doctor.findings import MISSING, NOTE, OK, Finding
from earmark.doctor.packages import version

AREA = "machine"
PATIENCE_S = 4.0


def checks(device: str, audio_needs_ffmpeg: bool) -> dict[str, Callable[[], list[Finding]]]:
    """Return the checks by name; ``device`` as config has it."""
    return {
        "processor": processor,
        "GPU": lambda: gpu(device),
        "ffmpeg": lambda: [decoder(audio_needs_ffmpeg)],
        "conda": lambda: [conda()],
        "Slurm": lambda: [slurm()],
        "accelerate": lambda: [accelerate()],
    }


def output_of(command: Sequence[str]) -> str | None:
    """Return what a program prints, None if it isn't there, fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def processor() -> list[Finding]:
    """Count cores and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [Finding(AREA, "processor", OK, f"{cores} cores, {memory / 1e9:.0f} GB of memory")]


def gpu(device: str) -> list[Finding]:
    """Look for a CUDA GPU, and whether torch can use it.

    torch takes seconds to import: it is asked only where something says that there is a GPU.
    """
    wanted = device.startswith("cuda")
    listed = output_of(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"])
    if not (listed or Path("/dev/nvidia0").exists()):
        fix = "set device: auto or cpu in the config, or run where a GPU is" if wanted else ""
        text = "no NVIDIA GPU" + ("" if wanted else "; computing on the CPU")
        return [Finding(AREA, "GPU", MISSING if wanted else NOTE, text, fix, needed=wanted)]
    names = ", ".join((listed or "present, nvidia-smi is not").splitlines())
    if importlib.util.find_spec("torch") is None:
        return [Finding(AREA, "GPU", NOTE, f"{names}; torch is not installed", "make env")]
    import torch

    if torch.cuda.is_available():
        bf16 = "bf16" if torch.cuda.is_bf16_supported() else "no bf16: set dtype: float16"
        return [Finding(AREA, "GPU", OK, f"{names}; torch {torch.__version__} uses it, {bf16}")]
    build = f"torch {torch.__version__} "
    build += "is a build without CUDA" if torch.version.cuda is None else "cannot use it (driver?)"
    fix = f"pip install torch=={torch.__version__.partition('+')[0]} from the package index, with CUDA"
    return [Finding(AREA, "GPU", MISSING if wanted else NOTE, f"{names}; {build}", fix, needed=wanted)]


def decoder(needed: bool) -> Finding:
    """Look for ffmpeg, which decodes what libsndfile does not."""
    from earmark.audio.program import executable

    try:
        path = executable()
    except UserError as error:
        return Finding(AREA, "ffmpeg", MISSING, "none", str(error), needed)
    said = output_of([path, "-hide_banner", "-version"])
    if said is None:
        return Finding(AREA, "ffmpeg", MISSING, f"{path} does not run", "install ffmpeg", needed)
    words = said.split()
    return Finding(AREA, "ffmpeg", OK, f"{words[2] if len(words) > 2 else 'found'} ({path})")


def conda() -> Finding:
    """Look for conda, which only --use-conda needs."""
    said = output_of(["conda", "--version"])
    if said is None:
        return Finding(AREA, "conda", NOTE, "none; without it leave --use-conda out")
    return Finding(AREA, "conda", OK, said)


def slurm() -> Finding:
    """Look for Slurm's client programs, a controller that answers, and Snakemake's plugin."""
    if shutil.which("sbatch") is None:
        return Finding(AREA, "Slurm", NOTE, "none; jobs run on this machine")
    plugin = version("snakemake-executor-plugin-slurm")
    partitions = output_of(["sinfo", "--noheader", "--format=%P"])
    if partitions is None:
        return Finding(AREA, "Slurm", NOTE, "sbatch is here, but no controller answers sinfo")
    text = f"partitions {', '.join(partitions.split())}"
    if plugin is None:
        fix = "pip install snakemake-executor-plugin-slurm"
        return Finding(AREA, "Slurm", NOTE, f"{text}; Snakemake's plugin is not installed", fix)
    return Finding(AREA, "Slurm", OK, f"{text}; plugin {plugin}")


def accelerate() -> Finding:
    """Look for accelerate, which trains on several GPUs and loads models layer by layer."""
    found = version("accelerate")
    if found is None:
        return Finding(AREA, "accelerate", NOTE, "not installed", "make env")
    return Finding(AREA, "accelerate", OK, found)
