"""What jobs took beside what their rules ask for: `benchmark:` files against a dry run's job list."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """One job: what it may take and what it took."""

    rule: str
    asked_mb: int
    asked_minutes: int
    took_mb: float
    took_minutes: float

    @property
    def exceeded(self) -> bool:
        """Whether it took more than it asked for."""
        return self.took_mb > self.asked_mb or self.took_minutes > self.asked_minutes


def of_run(listing: Iterable[str], folder: Path) -> Iterator[Usage]:
    """Yield the usage of every job of ``snakemake -n -F -p`` that has run in ``folder`` before."""
    rule, benchmark = "", Path()
    for line in listing:
        if begun := re.match(r"(?:local)?rule (\S+):$", line):
            rule, benchmark = begun[1], Path()
        elif line.startswith("    benchmark: "):
            benchmark = folder / line.partition(": ")[2].strip()
        elif line.startswith("    resources: ") and benchmark.is_file():
            asked = dict(re.findall(r"(\w+)=(\d+)", line))
            mb, seconds = measured(benchmark)
            yield Usage(rule, int(asked["mem_mb"]), int(asked["runtime"]), mb, seconds / 60)


def measured(benchmark: Path) -> tuple[float, float]:
    """Return peak memory in MB and seconds of a benchmark file; jobs of a moment have no peak: 0."""
    with benchmark.open() as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    return (0.0 if row["max_rss"] in ("NA", "-") else float(row["max_rss"])), float(row["s"])


def table(jobs: Iterable[Usage]) -> str:
    """Return one line per rule: its jobs, and the most that any of them took and asked for."""
    rules: dict[str, list[Usage]] = {}
    for job in jobs:
        rules.setdefault(job.rule, []).append(job)
    lines = [f"{'rule':24} {'jobs':>5} {'MB':>7} {'asked':>7} {'minutes':>8} {'asked':>6}"]
    for rule, done in sorted(rules.items()):
        megabytes, minutes = max(job.took_mb for job in done), max(job.took_minutes for job in done)
        asked = max(job.asked_mb for job in done), max(job.asked_minutes for job in done)
        mark = "  <- more than asked" if any(job.exceeded for job in done) else ""
        lines.append(
            f"{rule:24} {len(done):5} {megabytes:7.0f} {asked[0]:7} {minutes:8.1f} {asked[1]:6}{mark}"
        )
    return "\n".join(lines)
