"""Two jobs side by side on two cores, against the same two one after the other.

The workflow runs pairs of heavy jobs that need nothing of each other: one for each of two data sets. Once
with one core (`snakemake --cores 1`), once with two (`--cores 2`), in turns, everything else made before.
What takes more threads than it was given, or spins while it waits, shows here: then two jobs take longer
than one after the other.

    python bench/two_jobs.py [--quick] [--rounds 3]

The last line is JSON: `two_jobs_ratio_<rule>` is seconds one after the other / seconds side by side, of the
median round; 2 would be two jobs that share nothing, less than 1 is worse than waiting. It needs two free
cores. `two_jobs_cpu_ratio_<rule>` is the same of seconds of processor, which neighbours hardly change: 1 if
nobody spins or computes twice. `two_jobs_machine` is what two processes that only count reach, in the same
minutes: near 2 on two free cores, near 1 where neighbours have one. Snakemake's own start, the same for
both, is measured and taken off.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
import yaml

ROOT = Path(__file__).parents[1]
PAIR = ("first", "second")
CORES = (1, 2)


@dataclass(frozen=True)
class Pair:
    """A rule, and two of its targets that need nothing of each other."""

    rule: str
    targets: tuple[str, ...]

    @classmethod
    def of(cls, rule: str, target: str) -> Pair:
        """Return the targets of both data sets."""
        return cls(rule, tuple(target.format(task=task) for task in PAIR))


PAIRS = [
    Pair.of("features", "features/moderate/{task}/test-00000-of-00001.safetensors"),
    Pair.of("train", "models/demo/{task}/checkpoint.json"),
    Pair.of("answer", "answers/demo/{task}_dart_0.5.json"),
    Pair.of("train_student", "students/{task}_tags/plain/r0/all-0/student.json"),
]
COUNT = "import time\nwhile time.process_time() < 2: pass"
RULES = tuple(pair.rule for pair in PAIRS)
QUICK = ("features",)
TINY = {"hidden": 32, "layers": 3, "heads": 2, "kv_heads": 1, "ffn": 32}


def configuration(quick: bool) -> dict[str, Any]:
    """Two tasks of questions and two of tagging, large enough for jobs of some ten seconds, or tiny."""
    clips = {"clips_per_class": 2, "min_s": 8, "max_s": 12}
    test = clips if quick else {"clips_per_class": 16, "min_s": 60, "max_s": 90}
    music = {
        "kind": "synthetic_music",
        "genres": 4,
        "recording_s": 10,
        "question": "What is the genre of this music?",
        "splits": {"train": clips, "test": test},
    }
    sounds = {"kind": "synthetic_tags", "clips": {"train": 30 if quick else 300, "test": 10}}
    training = {"epochs": 2 if quick else 6, "batch_size": 8, "mixup": 0, "warmup_steps": 0}
    tagging = {"kind": "multi_label", "frames": 128, "training": training}
    steps = dict.fromkeys(("text_steps", "tower_steps", "joint_steps"), 3 if quick else 30)
    return {
        "device": "cpu",
        "default_model": "demo",
        "grid": [],
        "prefill": [],
        "tasks": {
            **{task: {"title": task, "data": {"source": music}} for task in PAIR},
            **{
                f"{task}_tags": {"title": task, "data": {"source": sounds}, "tagging": tagging}
                for task in PAIR
            },
        },
        "models": {
            "demo": {"train": {"seed": 0, **steps}},
            **({"moderate": {"random_weights": {"sizes": TINY}}} if quick else {}),
        },
        "recipes": {"plain": {"seeds": [0]}},
    }


class Cost(NamedTuple):
    """Seconds on the clock, and of processor in a process and all that it started."""

    clock_s: float
    cpu_s: float

    def less(self, other: Cost) -> Cost:
        """Return what is left of it."""
        return Cost(self.clock_s - other.clock_s, self.cpu_s - other.cpu_s)


def snakemake(folder: Path, cores: int, words: Sequence[str]) -> Cost:
    """Run the workflow; return what it took."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--replace-workflow-config"]
    command += ["--cores", str(cores), "--", *words]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = time.perf_counter()
    with (folder / "printed").open("w+") as printed:
        running = subprocess.Popen(
            command, env={**os.environ, "PATH": path}, stdout=printed, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        if running.returncode:
            sys.exit(printed.read())
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime)


def counting(processes: int) -> float:
    """Return the seconds in which so many processes each compute for two seconds."""
    start = time.perf_counter()
    started = [subprocess.Popen([sys.executable, "-c", COUNT]) for _ in range(processes)]
    for process in started:
        process.wait()
    return time.perf_counter() - start


def measured(folder: Path, pair: Pair, cores: int, start: Cost) -> Cost:
    """Return what both jobs took, all that they need being there."""
    for target in pair.targets:
        (folder / target).unlink()
    shutil.rmtree(folder / ".earmark", ignore_errors=True)
    return snakemake(folder, cores, pair.targets).less(start)


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run: one rule, jobs of seconds, one round")] = False,
    rounds: Annotated[int, typer.Option(help="of each, with one core and with two")] = 3,
    rule: Annotated[list[str] | None, typer.Option(help="these alone, repeat; all unless given")] = None,
    device: Annotated[str, typer.Option(help="cpu only; for the common command line")] = "cpu",
) -> None:
    """Time pairs of jobs, one after the other and side by side, in turns."""
    unknown = set(rule or ()) - set(RULES)
    if unknown:
        raise typer.BadParameter(f"no such rule: {', '.join(unknown)}; there are {', '.join(RULES)}")
    if len(os.sched_getaffinity(0)) < max(CORES):
        print("warning: this process may use one core alone, so two jobs share it", file=sys.stderr)
    pairs = [pair for pair in PAIRS if pair.rule in (rule or (QUICK if quick else RULES))]
    metrics: dict[str, float] = {}
    machine: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(yaml.safe_dump(configuration(quick)))
        targets = [target for pair in pairs for target in pair.targets]
        snakemake(folder, max(CORES), targets)
        start = min(snakemake(folder, 1, targets) for _ in range(1 if quick else 3))
        print(f"start of Snakemake: {start.clock_s:.1f} s")
        print(f"{'rule':18} {'one by one, s':>14} {'side by side, s':>16} {'ratio':>6} {'of processor':>13}")
        for pair in pairs:
            snakemake(folder, max(CORES), targets)  # what the pair before made stale
            found: dict[int, list[Cost]] = {cores: [] for cores in CORES}
            for number in range(1 if quick else rounds):
                machine.append(2 * counting(1) / counting(2))
                for cores in CORES[:: 1 if number % 2 == 0 else -1]:
                    found[cores].append(measured(folder, pair, cores, start))
            alone, beside = (statistics.median(cost.clock_s for cost in found[cores]) for cores in CORES)
            both = list(zip(found[1], found[2], strict=True))
            clock = statistics.median(a.clock_s / b.clock_s for a, b in both)
            cpu = statistics.median(a.cpu_s / b.cpu_s for a, b in both)
            print(f"{pair.rule:18} {alone:14.1f} {beside:16.1f} {clock:6.2f} {cpu:13.2f}", flush=True)
            metrics[f"two_jobs_ratio_{pair.rule}"] = round(clock, 3)
            metrics[f"two_jobs_cpu_ratio_{pair.rule}"] = round(cpu, 3)
    metrics["two_jobs_machine"] = round(statistics.median(machine), 3)
    print(f"two processes that only count: {metrics['two_jobs_machine']:.2f}")
    print(json.dumps({"bench": "two_jobs", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
