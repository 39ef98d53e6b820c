"""What planning costs: the full grid, two million clips, and a run that has nothing to do.

Snakemake parses the workflow and works out every job before it runs the first one. Three plans, each
in a fresh process, the best of some rounds:

- grid: ten tasks, eleven methods beside the base, nine ratios, two models of config/paper.yaml (2,000 cells);
- audioset: the 2,041,789 clips of config/tasks/audioset_full.yaml, fetched, packed, demo and audited;
- noop: a run of a finished target of the demo.

Beside each, in the same rounds, stands what Snakemake alone takes for as many jobs: of two rules with one
file each, without params, resources or a line of Python. No workflow of so many jobs is planned in less.

    python bench/dag.py [--quick]

The last line is JSON: `<plan>_budget_ratio` is the seconds a plan may take / the seconds it took, and
`<plan>_bare_share` what Snakemake alone took / that.
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
from dataclasses import dataclass, replace
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
        5,
        {"grid": [{"models": MODELS, "tasks": TASKS, "methods": METHODS, "ratios": RATIOS}]},
        ("-n", "grid"),
    ),
    Plan(
        "audioset",
        10,
        {
            "embeddings": [
                {"model": MODELS[0], "tasks": ["audioset_full"], "layers": ["encoder"], "pooling": "mean"}
            ]
        },
        ("-n", "embeddings", "data/audioset_full/audit.json"),
    ),
    Plan(
        "noop",
        2,
        {"tasks": {"gtzan": {"data": {"source": TINY}}}},
        ("-j1", "data/gtzan/clips.parquet"),
        paper=False,
    ),
]


def few(plan: Plan) -> Plan:
    """Return a grid's plan with its first ratio alone."""
    (block,) = plan.config["grid"]
    return replace(plan, config={"grid": [block | {"ratios": block["ratios"][:1]}]})


BARE = """
rule all:
    input: expand("second/{{i}}", i=range({jobs}))
rule first:
    output: "first/{{i}}"
    shell: "touch {{output}}"
rule second:
    input: "first/{{i}}"
    output: "second/{{i}}"
    shell: "touch {{output}}"
"""


@dataclass(frozen=True)
class Cost:
    """What one plan took, and what it printed."""

    seconds: float
    clock_s: float
    megabytes: float
    text: str


def planned(folder: Path, plan: Plan) -> Cost:
    """Make one plan."""
    config = folder / f"{plan.name}.yaml"
    config.write_text(yaml.safe_dump(plan.config))
    files = [str(ROOT / "config/paper.yaml")] if plan.paper else []
    return snakemake(folder, ROOT / "Snakefile", *plan.words, "--configfile", *files, str(config))


def bare(folder: Path, jobs: int) -> Cost:
    """Plan as many jobs of a workflow that is nothing but two rules."""
    snakefile = folder / "Snakefile"
    snakefile.write_text(BARE.format(jobs=jobs // 2))
    return snakemake(folder, snakefile, "-n", "-q")


def snakemake(folder: Path, snakefile: Path, *words: str) -> Cost:
    """Run Snakemake in a fresh process."""
    command = [sys.executable, "-m", "snakemake", "-s", str(snakefile), "--directory", str(folder), *words]
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


def jobs_of(cost: Cost) -> int:
    """Return how many jobs a plan has, by its own words."""
    counted = re.search(r"^total(?: jobs:)? +(\d+)$", cost.text, flags=re.MULTILINE)
    assert counted or "Nothing to be done" in cost.text, cost.text
    return int(counted[1]) if counted else 0


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run: one round")] = False,
    device: Annotated[str, typer.Option(help="cpu only; for the common command line")] = "cpu",
) -> None:
    """Time the plans one after the other, round by round."""
    plans = [few(PLANS[0]), *PLANS[1:]] if quick else PLANS
    found: dict[str, list[Cost]] = {plan.name: [] for plan in plans}
    alone: dict[str, list[Cost]] = {plan.name: [] for plan in plans}
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as other:
        folder = Path(name)
        planned(folder, plans[-1])  # what a no-op finds made; and all files are in the page cache now
        for _ in range(1 if quick else 3):
            for plan in plans:
                cost = planned(folder, plan)
                found[plan.name].append(cost)
                alone[plan.name].append(bare(Path(other), jobs_of(cost)))
    print(f"{'plan':9} {'jobs':>5} {'seconds':>8} {'(clock)':>8} {'bare':>6} {'budget':>7} {'peak MB':>8}")
    metrics: dict[str, float] = {}
    for plan in plans:
        costs = found[plan.name]
        seconds, clock = (min(getattr(cost, key) for cost in costs) for key in ("seconds", "clock_s"))
        least = min(cost.seconds for cost in alone[plan.name])
        megabytes = max(cost.megabytes for cost in costs)
        row = f"{plan.name:9} {jobs_of(costs[-1]):5} {seconds:8.2f} {clock:8.2f} {least:6.2f}"
        print(f"{row} {plan.budget_s:7.0f} {megabytes:8.0f}")
        metrics[f"{plan.name}_budget_ratio"] = round(plan.budget_s / seconds, 3)
        metrics[f"{plan.name}_bare_share"] = round(least / seconds, 3)
        metrics[f"{plan.name}_peak_mb"] = round(megabytes, 1)
    print(json.dumps({"bench": "dag", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
