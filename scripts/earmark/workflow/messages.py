"""Snakemake's words, made short where people read them: plans, reasons, mistakes, failed jobs.

A dry run lists groups of like jobs with what changed, in place of a block per job; a mistake ends in one
line; and the line that a failed job said itself is the last on the screen. ``-p`` (``--printshellcmds``) and
``--verbose`` bring Snakemake's own account back. Other loggers (``--logger``) and log files are left alone.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake.logging import ColorizingTextHandler, DefaultFormatter, get_event, logger, show_logs
from snakemake_interface_logger_plugins.common import LogEvent

from earmark.core import memory
from earmark.workflow import changes, planning

SHOWN = 3
"""Files that are named of a group of jobs on a terminal."""
DRY = "This was a dry-run (flag -n): nothing was made. Each job on its own: -n -p"
REPEATED = ("Reasons:", "Some jobs were triggered", "Rules with provenance triggered", "This was a dry-run")
FAILED = "At least one job did not complete successfully."
_PROGRESS = re.compile(r": [\d.]+[kM]? of [\d.]+")
_REASONS = (
    (r"Missing output files: .*", "not made yet"),
    (r"Incomplete output files: .*", "left half done"),
    (r"Input files updated by another job: .*", "its inputs are made again"),
    (r"Set of input files has changed since last execution", "it reads other files than before"),
    (r"Code has changed since last execution", "its command changed"),
    (r"Software environment definition has changed since last execution", "its environment changed"),
    (r"Forced execution", "asked for by -f, -F or -R"),
    (r"Rules with .* are always executed\.", "runs whenever it is asked for"),
)


def install(workflow: Any, mend: Callable[[str], str]) -> None:
    """Give the terminal's handler of Snakemake's log a formatter of ours; ``mend`` rewords errors."""
    settings = workflow.output_settings
    # A log file that cannot be written any more, on a full disk, is no second error to tell of.
    logging.raiseExceptions = False
    for handler in logger.handlers:
        if isinstance(handler, ColorizingTextHandler) and type(handler.formatter) is DefaultFormatter:
            short = settings.dryrun and not (settings.printshellcmds or settings.verbose)
            handler.setFormatter(Plain(handler.formatter, short, handler.is_tty, mend))
            if short and logger.handlers == [handler]:
                planning.tell_briefly(workflow)


@dataclass
class Group:
    """Jobs of one rule that run for the same reasons."""

    rule: str
    reasons: tuple[str, ...]
    outputs: list[str] = field(default_factory=list)
    jobs: int = 0

    def told(self, shown: int | None) -> str:
        """Return the group in a few lines, with the first of its files or all of them."""
        lines = [f"{self.rule}: {self.jobs} job{'s' * (self.jobs != 1)}"]
        if self.outputs:
            some = self.outputs[:shown]
            more = len(self.outputs) - len(some)
            lines.append(f"    output: {', '.join(some)}{f' and {more} more' if more else ''}")
        return "\n".join([*lines, *(f"    reason: {reason}" for reason in self.reasons)])


class Plain(DefaultFormatter):
    """Snakemake's formatter with fewer words."""

    def __init__(
        self, own: DefaultFormatter, short: bool, terminal: bool, mend: Callable[[str], str]
    ) -> None:
        super().__init__(own.quiet, own.show_failed_logs)
        self.short, self.terminal, self.mend = short, terminal, mend
        self.groups: dict[tuple[str, tuple[str, ...]], Group] = {}
        self.failed: dict[Any, str] = {}
        self.tables = 0

    def format(self, record: logging.LogRecord) -> str:
        """Return what is printed of a record; nothing where it is empty."""
        event = get_event(record)
        if event == LogEvent.ERROR:
            return self._mistake(record)
        if event == LogEvent.JOB_FINISHED:
            self.failed.pop(getattr(record, "job_id", None), None)
        if self.short:
            return self._planned(record, event)
        return str(super().format(record))

    def _planned(self, record: logging.LogRecord, event: LogEvent | None) -> str:
        """Return what a dry run prints of a record: groups of jobs once all are known, and their number."""
        text = record.getMessage()
        if event == LogEvent.JOB_INFO:
            self._gather(record.__dict__)
        if event in (LogEvent.JOB_INFO, LogEvent.GROUP_INFO, LogEvent.WORKFLOW_STARTED):
            return ""
        if event == LogEvent.RUN_INFO:
            self.tables += 1
            if self.tables == 1:
                return ""
            listed = [group.told(SHOWN if self.terminal else None) for group in self.groups.values()]
            if not listed:  # --quiet rules: jobs were not told of, so the table is all there is
                return text.strip()
            # The table of jobs a rule says once more what the groups say; its last line is their sum.
            return "\n".join([*listed, "", " jobs: ".join(text.split()[-2:])])
        if event is None and text.startswith(REPEATED):
            # Last of the three, where Snakemake has said what would be done.
            return DRY if text.startswith("This") else ""
        return str(super().format(record))

    def _gather(self, job: Mapping[str, Any]) -> None:
        reasons = tuple(told(job["reason"])) or ("needed",)
        group = self.groups.setdefault((job["rule_name"], reasons), Group(job["rule_name"], reasons))
        group.jobs += 1
        group.outputs += job["output"][:1] if self.terminal else job["output"]

    def _format_job_error(self, msg: dict[str, Any]) -> list[str]:
        """Return which job failed, its log, and last what it said itself."""
        said = last_line(msg["log"]) or killed(msg["rule_name"], msg["log"])
        outputs = ", ".join(msg["output"][:1]) or "no output"
        self.failed[msg["jobid"]] = (
            said
            or f"error: rule {msg['rule_name']} was stopped without an error of its own ({outputs}), for "
            "instance killed; run the same command again: finished work is kept"
        )
        lines = [f"Error in rule {msg['rule_name']}, job {msg['jobid']}: {outputs}"]
        if msg["log"]:
            lines.append(f"    log: {', '.join(msg['log'])}")
        lines += [f"    {name}: {value}" for name, value in msg["aux"].items()]
        if self.show_failed_logs and msg["log"]:
            lines += show_logs(msg["log"])
        return [*lines, said] if said else lines

    def _mistake(self, record: logging.LogRecord) -> str:
        """Return an error in one line where it is one that a user can mend."""
        text = record.getMessage()
        if FAILED in text and self.failed:
            return "\n".join(dict.fromkeys(self.failed.values()))
        if text.startswith("RuleException:\nCalledProcessError"):
            return ""  # the whole shell command; what the job said follows
        said = self.mend(text)
        if said != text:
            self.failed[said] = said  # Snakemake may go on to tell what it does about it
        return said


def told(reason: str) -> list[str]:
    """Return Snakemake's reasons for a job as lines of plain words."""
    lines = []
    head, marker, params = reason.partition("Params have changed since last execution: ")
    found = re.match(r".*?across all output: before: (.*?) now: (.*?) (?:; |$)", params, flags=re.DOTALL)
    for part in head.split("; "):
        if part.startswith("Updated input files: "):
            files = [name.strip() for name in part.partition(": ")[2].split(",") if name.strip()]
            more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
            lines.append(f"changed: {', '.join(files[:SHOWN])}{more}")
        else:
            lines += [short for pattern, short in _REASONS if re.fullmatch(pattern, part)]
    if marker and found:
        lines += changes.words(_params(found[1]), _params(found[2]))
    # What is missing is made whatever else changed.
    return lines[:1] if lines[:1] == ["not made yet"] else lines


def _params(text: str) -> Sequence[str]:
    """Return the params that Snakemake joined with commas, each a Python literal."""
    if text == "<nothing exclusive>":
        return []
    return re.findall(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^,]+", text)


def last_line(logs: Sequence[str]) -> str:
    """Return the last line of a job's log that is an error, else the last that isn't empty.

    Nothing for a job that said what memory it needs, or how far it is, and no more: it was killed, see
    :func:`killed`.
    """
    said = _lines(logs)
    errors = [line for line in said if line.startswith("error: ")]
    bug = any(line.startswith("Traceback (most recent call last)") for line in said)
    running = bool(said) and _PROGRESS.search(said[-1]) is not None
    quiet = not bug and (running or any(line.startswith(memory.BEGINNING) for line in said))
    return (errors or ([] if quiet else said) or [""])[-1]


def killed(rule: str, logs: Sequence[str]) -> str:
    """Return the line for a job that ended without a word, as one that is killed for its memory does."""
    needed = [line for line in _lines(logs) if line.startswith(memory.BEGINNING)]
    if not needed:
        return ""
    return (
        f"error: rule {rule} was stopped without an error of its own, most likely killed for lack of memory "
        f"({needed[-1].removeprefix(memory.BEGINNING)}): {memory.ADVICE}"
    )


def _lines(logs: Sequence[str]) -> list[str]:
    """Return the last lines of a job's logs that aren't empty, of some 200 kB each."""
    lines: list[str] = []
    for name in logs:
        path = Path(name)
        if path.is_file():
            with path.open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - 200_000))
                lines += stream.read().decode(errors="replace").replace("\r", "\n").splitlines()
    return [line.strip() for line in lines if line.strip()]
