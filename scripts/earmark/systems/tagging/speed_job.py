"""Speeds of one student that a run asks for: the first job measures all, and leaves the others theirs.

What was measured for another schedule waits in the student's folder until its own job takes it, under the
digest of what was asked.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from earmark.core import devices, provenance
from earmark.core.files import exclusive, write_json
from earmark.core.given import given
from earmark.systems.tagging import speed
from earmark.systems.tagging.asked import SpeedJob

ALONE = "alone"
"""In place of the list of schedules: nobody shares this measurement."""


@dataclass(frozen=True)
class Asked:
    """One schedule of a student: what its record will say it was measured by, and where it belongs."""

    chosen: SpeedJob
    output: Path
    code: str
    machine: str
    """The device, in words: times of another one don't count."""

    @cached_property
    def key(self) -> str:
        """What identifies a measurement."""
        content = [self.chosen.plain(), self.code, self.machine]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def delivered(self) -> bool:
        """Whether the file that is there is what would be measured."""
        try:
            made = json.loads(self.output.read_text())
            return bool(
                made["provenance"]["config"] == self.chosen.plain()
                and made["provenance"]["code"] == self.code
                and made["device"] == self.machine
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False


def run(
    settings: str, also: str, classes: Path, output: Path, work: Path, code: str, again: str, threads: int
) -> None:
    """Measure a schedule, and along with it those of ``also`` that are still wanted; write its record.

    ``again`` as :func:`earmark.core.provenance.repeatable` takes it, known to its own job.
    """
    chosen = SpeedJob.read(given(settings), "--settings")
    device = devices.prepare(chosen.device, threads)
    own = Asked(chosen, output, code, devices.describe(device))
    with exclusive(work) as folder:
        place = folder / f"{own.key}.json"
        if not place.is_file():
            wanted = [own, *_others(also, own, folder)]
            if len(wanted) > 1:
                print(f"measuring {len(wanted) - 1} more merging schedules in the same rounds", flush=True)
            _measure(wanted, len(json.loads(classes.read_text())["classes"]), folder, device, threads)
        record = json.loads(place.read_text())
        write_json(output, record | {"provenance": provenance.repeatable(record["provenance"], again)})
        place.unlink()
        if not any(folder.glob("*.json")):
            shutil.rmtree(folder, ignore_errors=True)


def _others(also: str, own: Asked, folder: Path) -> Iterator[Asked]:
    """Yield the schedules of this run that are still to be measured beside ``own``; forget older ones."""
    listed = [] if also == ALONE else given(also)
    found = [
        Asked(SpeedJob.read(given(each["settings"]), "--also"), Path(each["output"]), own.code, own.machine)
        for each in listed
    ]
    for old in folder.glob("*.json"):
        if old.stem not in {each.key for each in found}:
            old.unlink()
    for each in found:
        waits = (folder / f"{each.key}.json").is_file()
        if own.chosen.beside(each.chosen) and not waits and not each.delivered:
            yield each


def _measure(wanted: Sequence[Asked], classes: int, folder: Path, device: torch.device, threads: int) -> None:
    measured = speed.records([each.chosen for each in wanted], classes, device, threads)
    # The own one last: once it is there, all are.
    for each, record in reversed(list(zip(wanted, measured, strict=True))):
        made = provenance.record(each.code) | {"config": each.chosen.plain()}
        write_json(folder / f"{each.key}.json", record | {"provenance": made})
