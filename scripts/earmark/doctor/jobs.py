"""The jobs behind what is asked for, and which are still to be done: Snakemake's own dry run says it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.places import ROOT

Entry = tuple[str, str]
"""Section of the configuration and name: ("models", "demo")."""

_BEGINS = re.compile(r"(?:local)?(?:rule|checkpoint) (\S+):$")


@dataclass(frozen=True)
class Job:
    """A job: its rule, what it makes, where its time is noted, and its wildcards."""

    rule: str
    outputs: tuple[str, ...]
    benchmark: str
    wildcards: Mapping[str, str]
    done: bool = False

    @property
    def kind(self) -> str:
        """The folder its time is noted in: alike for the rules that do the same work."""
        parts = Path(self.benchmark).parts
        return parts[1] if len(parts) > 1 else self.rule

    @property
    def of(self) -> int:
        """Into how many jobs its work is dealt."""
        return int(self.wildcards.get("of", 1))

    def name(self, wildcard: str, known: Collection[str]) -> str:
        """Return the entry of the configuration that a job works on, empty where there is none.

        Rules written for one model and task have no wildcards; the paths they write to name both.
        """
        said = self.wildcards.get(wildcard)
        return said or next((part for part in Path(self.benchmark).parts[2:] if part in known), "")


def planned(content: Json, targets: Sequence[str]) -> list[Job]:
    """Return every job behind ``targets`` (the default ones if there are none), in Snakemake's order.

    Args:
        content: the whole configuration, as merged.
        targets: as on a command line.

    Raises:
        UserError: Snakemake can't plan them; its last line says why.

    """
    with tempfile.TemporaryDirectory() as folder:
        # In a file that only its owner can read: the network's settings may hold a password.
        config = Path(folder) / "config.yaml"
        config.write_text(yaml.safe_dump(dict(content)))
        runs = [_dry_run(config, targets, more) for more in (["--forceall"], [])]
        every, todo = (_listed(run, targets) for run in runs)
    left = {(job.rule, job.outputs) for job in todo}
    return [Job(**{**vars(job), "done": (job.rule, job.outputs) not in left}) for job in every if job.outputs]


def _dry_run(config: Path, targets: Sequence[str], more: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(Path.cwd()), "--configfile", str(config), "--replace-workflow-config"]
    # Planned as on one machine, whatever the run that asks is for; -p lists job by job.
    command += ["--workflow-profile", "none", "--dry-run", "--printshellcmds", "--nolock", *more]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
    return subprocess.Popen(
        [*command, "--", *targets],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def _listed(run: subprocess.Popen[str], targets: Sequence[str]) -> list[Job]:
    said = run.communicate()[0].splitlines()
    if run.returncode:
        last = next((line.strip() for line in reversed(said) if line.strip()), "no word")
        raise UserError(last.removeprefix("error: "))
    return list(parsed(said))


def parsed(lines: Sequence[str]) -> Iterator[Job]:
    """Yield the jobs that a dry run lists, a block each."""
    rule, found = "", dict[str, str]()
    for line in [*lines, "rule end:"]:
        if begins := _BEGINS.match(line):
            if rule:
                yield _job(rule, found)
            rule, found = begins[1], {}
        elif rule and (field := re.match(r"    (output|benchmark|wildcards): (.*)$", line)):
            found.setdefault(field[1], field[2])


def _job(rule: str, found: Mapping[str, str]) -> Job:
    wildcards = dict(part.partition("=")[::2] for part in found.get("wildcards", "").split(", ") if part)
    outputs = tuple(found["output"].split(", ")) if "output" in found else ()
    return Job(rule, outputs, found.get("benchmark", ""), wildcards)


def entries(settings: Settings, jobs: Sequence[Job]) -> set[Entry]:
    """Return the entries of the configuration that jobs need: those that their wildcards name, and theirs."""
    found: set[Entry] = set()
    for job in jobs:
        for section, known in settings.named.items():
            name = job.name(section.removesuffix("s"), known)
            if name in known:
                found.add((section, name))
    for thing in list(found):
        # What a thing of its own kind is named for is shown beside it, and asked for by itself.
        found |= {other for other in settings.links[thing] if other[0] != thing[0]}
    return found
