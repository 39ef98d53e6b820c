"""All the doctor's checks in one pass of a few seconds, whatever hangs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from earmark.config.schema import checked, schema
from earmark.config.settings import Settings
from earmark.core.files import Json
from earmark.doctor import entries, estimate, jobs, machine, memory_needs, network, packages, processor
from earmark.doctor.findings import MISSING, NOTE, OK, Finding, at_once, guarded
from earmark.doctor.page import size
from earmark.systems.registry import systems

PATIENCE_S = 8.0
SYSTEMS = "systems"
AREAS = (packages.AREA, machine.AREA, network.AREA, SYSTEMS)
SPARE = 1.1
"""Disk wanted for every byte that is written: files take their final name when they are whole."""


def examine(settings: Settings, content: Json, targets: Sequence[str]) -> Json:
    """Return the record of config/schemas/doctor.schema.json.

    Args:
        settings: the configuration, checked and completed.
        content: the same as merged from its files, for Snakemake to read.
        targets: as on a command line; none for the default ones.

    Raises:
        UserError: a target names something unknown, or the jobs can't be planned.

    """
    # Without Snakemake there is nothing to plan with; that it is missing is among the findings.
    planned = jobs.planned(content, targets) if find_spec("snakemake") else []
    needed = jobs.entries(settings, planned)
    models = {name for section, name in needed if section == "models"}
    fetch = settings.config.fetch
    from_hub = [found for found in entries.repositories(settings) if found.entry in needed]
    wants_hub = any(not entries.cached(found) for found in from_hub)
    wants_youtube = any(settings.fetched(name) for section, name in needed if section == "tasks")

    why_not = at_once({"hub": network.hub_trouble}, PATIENCE_S / 2)["hub"]
    why_not = "it does not answer" if why_not is None else why_not
    of_machine = machine.checks(settings.config.device, wants_youtube)
    of_network = network.checks(fetch, wants_youtube, why_not, wants_hub)
    calls = {(machine.AREA, name): check for name, check in of_machine.items()}
    calls |= {(network.AREA, name): check for name, check in of_network.items()}
    found = at_once({place: guarded(*place, check) for place, check in calls.items()}, PATIENCE_S)
    checks = [*packages.check(), *packages.optional(settings.models, models)]
    checks += [each for system in systems() if system.checks for each in system.checks(settings)]
    for place, answer in found.items():
        late = Finding(*place, NOTE, f"no answer within {PATIENCE_S:g} s")
        checks += answer if answer is not None else [late]

    unreachable = [
        replace(problem, needed=entry in needed)
        for entry, problem in [*entries.local(settings), *entries.remote(settings, why_not)]
    ]
    gpu = any(check.name == "GPU" and check.status == OK for check in checks)
    takes = estimate.of(settings, planned, gpu)
    checks.append(_disk(takes.bytes, shutil.disk_usage(Path.cwd()).free))
    checks += memory_needs.checks(settings, models)
    checks += [] if gpu else processor.checks(settings, models)
    return _record(targets, checks, unreachable, takes)


def of_packages(targets: Sequence[str]) -> Json:
    """Return the record where so much is missing that nothing but the packages can be looked at."""
    rest = Finding(machine.AREA, "the rest", NOTE, "not looked at until the packages are there")
    return _record(targets, [*packages.check(), rest], [], estimate.Estimate(0, 0))


def _record(
    targets: Sequence[str],
    checks: Sequence[Finding],
    unreachable: Sequence[entries.Unreachable],
    takes: estimate.Estimate,
) -> Json:
    """Return the record of what was found."""
    record = {
        "schema": "earmark/doctor/1",
        "ok": not any(check.stops for check in checks) and not any(p.needed for p in unreachable),
        "asked": ", ".join(targets) or "the default targets",
        "checks": [check.flat() for check in sorted(checks, key=lambda c: AREAS.index(c.area))],
        "unreachable": [problem.flat() for problem in unreachable],
        "estimate": takes.flat(),
        "disk": {"folder": str(Path.cwd()), "free": shutil.disk_usage(Path.cwd()).free},
    }
    content: Json = checked(record, schema("doctor"), "doctor")
    return content


def _disk(needed: float, free: float) -> Finding:
    """Compare what will be written with what is free."""
    text = f"{size(free)} free, about {size(needed)} needed"
    if needed * SPARE > free:
        fix = "make space, or run from a larger disk with --directory"
        return Finding(machine.AREA, "disk", MISSING, text, fix, needed=True)
    return Finding(machine.AREA, "disk", OK, text)
