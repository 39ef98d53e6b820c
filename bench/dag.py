"""What planning costs: the full grid, two million clips, and a run that has nothing to do.

Snakemake parses the workflow and works out every job before it runs the first one. Three plans, each
in a fresh process, the best of some rounds:

- grid: ten tasks, eleven methods beside the base, nine ratios, two models of config/paper.yaml (2,000 cells);
- audioset: the 2,041,789 clips of config/tasks/audioset_full.yaml, fetched, packed, demo and audited;
- noop: a run of a finished target of the demo.

    python bench/dag.py [--quick]

The last line is JSON: `<plan>_budget_ratio` is the seconds a plan may take / the seconds it took.
Planning computes on one core and waits for nothing, so seconds are those of the process: on a free core
they are the clock's, and neighbours don't change them. The clock's stand beside them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

ROOT = Path(__file__).parents[1]
TASKS = ["desed", "gtzan", "had", "librispeech", "race", "slue", "tau", "vesus", "vox_gender", "vox_age"]
MODELS = ["qwen2.5-omni-3b", "qwen2.5-omni-7b"]
METHODS = ["dart", "dart-l2", "fastv", "random", "frame"]
METHODS += ["kv-knorm", "kv-random", "kv-tova", "kv-snap", "kv-streaming", "kv-expected"]
RATIOS = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
TINY = {
    "kind": "synthetic_music",
    "genres": 4,
    "recording_s": 3,
    "question": "What is the genre of this music?",
    "splits": {
        "train": {"clips_per_class": 1, "min_s": 3, "max_s": 4},
        "test": {"clips_per_class": 1, "min_s": 3, "max_s": 4},
    },
}


@dataclass(frozen=True)
class Plan:
    """One call of Snakemake and the seconds it may take."""

    name: str
    budget_s: float
    config: dict[str, Any]
    words: tuple[str, ...]
    paper: bool = True


PLANS = [
    Plan(
        "grid",
        15,
        {"grid": [{"models": MODELS, "tasks": TASKS, "methods": METHODS, "ratios": RATIOS}]},
        ("-n", "grid"),
    ),
    Plan(
        "audioset",
        30,
        {
            "embeddings": [
                {"model": MODELS[0], "tasks": ["audioset_full"], "layers": ["encoder"], "pooling": "mean"}
            ]
        },
        ("-n", "embeddings", "data/audioset_full/audit.json"),
    ),
    Plan(
        "noop",
        5,
        {"tasks": {"gtzan": {"data": {"source": TINY}}}},
        ("-j1", "data/gtzan/clips.parquet"),
        paper=False,
    ),
]


@dataclass(frozen=True)
class Cost:
    """What one plan took, and what it printed."""

    seconds: float
    clock_s: float
    megabytes: float
    text: str


def snakemake(folder: Path, plan: Plan) -> Cost:
    """Make one plan."""
    config = folder / f"{plan.name}.yaml"
    config.write_text(yaml.safe_dump(plan.config))
    files = [str(ROOT / "config/paper.yaml")] if plan.paper else []
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += [*plan.words, "--configfile", *files, str(config)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "printed").open("w+") as printed:
        start = time.perf_counter()
        running = subprocess.Popen(
            command, env={**os.environ, "PATH": path}, stdout=printed, stderr=subprocess.STDOUT
        )
        # Not RUSAGE_CHILDREN, which would give the largest of all plans so far.
        _, status, usage = os.wait4(running.pid, 0)
        clock = time.perf_counter() - start
        running.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if running.returncode:
        sys.exit(text)
    return Cost(usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss / 1024, text)


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run: one round")] = False,
    device: Annotated[str, typer.Option(help="cpu only; for the common command line")] = "cpu",
) -> None:
    """Time the plans one after the other, round by round."""
    found: dict[str, list[Cost]] = {plan.name: [] for plan in PLANS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snakemake(folder, PLANS[-1])  # what a no-op finds made; and all files are in the page cache now
        for _ in range(1 if quick else 3):
            for plan in PLANS:
                found[plan.name].append(snakemake(folder, plan))
    print(f"{'plan':9} {'jobs':>5} {'seconds':>8} {'(clock)':>8} {'budget':>7} {'peak MB':>8}")
    metrics: dict[str, float] = {}
    for plan in PLANS:
        costs = found[plan.name]
        seconds, clock = (min(getattr(cost, key) for cost in costs) for key in ("seconds", "clock_s"))
        megabytes = max(cost.megabytes for cost in costs)
        counted = re.search(r"^total +(\d+)$", costs[-1].text, flags=re.MULTILINE)
        assert counted or "Nothing to be done" in costs[-1].text, costs[-1].text
        jobs = int(counted[1]) if counted else 0
        print(f"{plan.name:9} {jobs:5} {seconds:8.2f} {clock:8.2f} {plan.budget_s:7.0f} {megabytes:8.0f}")
        metrics[f"{plan.name}_budget_ratio"] = round(plan.budget_s / seconds, 3)
        metrics[f"{plan.name}_peak_mb"] = round(megabytes, 1)
    print(json.dumps({"bench": "dag", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
