"""Make a result again from its own record, in a folder of its own, and compare."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from earmark.config.schema import checked, schema
from earmark.config.settings import Settings
from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.files import Json, replacing, write_json
from earmark.core.places import ROOT
from earmark.reproduction import surroundings
from earmark.reproduction.compare import DIFFERS, Difference, differences, verdict
from earmark.reproduction.result import Result

RECORD = "reproduction.json"
CONFIG = "config.yaml"
SHOWN = 20


def prepare(folder: Path, config: Json) -> Path:
    """Make ``folder`` ready: an interrupted reproduction goes on, a finished one gives way to a new one.

    Returns the config file, written into it.

    Raises:
        UserError: the folder holds something else.

    """
    if (folder / RECORD).is_file():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()) and not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is not empty and no reproduction; name a new folder by --folder")
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / CONFIG) as partial:
        partial.write_text(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
    return folder / CONFIG


def run(folder: Path, config: Path, target: str, cores: str, extra: Sequence[str]) -> None:
    """Run the workflow in ``folder`` on ``config`` alone.

    Raises:
        UserError: it failed; what it printed says why.

    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(config)]
    command += ["--cores", cores, *extra, "--", target]
    # Rules call `python`: it must be this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(command, check=False, env={**os.environ, "PATH": path})
    if done.returncode:
        raise UserError(f"{folder}: the workflow failed (see above); the same command goes on from there")


def reproduce(path: Path, folder: Path | None, cores: str, extra: Sequence[str]) -> str:
    """Make the result at ``path`` again and compare; returns the verdict.

    ``folder`` is by default one below build/reproduce/, named after the result and its digest.

    Raises:
        UserError: the record cannot be made again, or the workflow failed.

    """
    was = Result.read(path)
    made = was.provenance
    target, config = was.again(path)
    config = config | Settings.load(config, Path.cwd()).moved(Path.cwd())
    folder = (folder or Path("build/reproduce") / f"{path.stem}-{identity(made)}").resolve()
    around = surroundings.before(made, provenance.record(made["code"]))
    print(f"making {path} again in {folder}", flush=True)
    for difference in around:
        print(f"  {difference.place}: was {difference.was}, is {difference.now}", flush=True)
    for place in surroundings.folders_elsewhere(config, Path.cwd()):
        print(f"  the record names {place}, which lies outside of {Path.cwd()}: it is read", flush=True)
    for line in surroundings.advice(around, made):
        print(f"  {line}", flush=True)
    run(folder, prepare(folder, config), target, cores, extra)
    now = Result.read(folder / target)
    found = list(differences(was.judged(), now.judged()))
    same = surroundings.inputs(made, now.provenance)
    record = {
        "schema": "earmark/reproduction/1",
        "result": str(path),
        "again": target,
        "verdict": verdict(found),
        "code_same": made["code"] == now.provenance["code"],
        "surroundings": [difference.flat() for difference in around],
        "inputs_same": same,
        "differences": [difference.flat() for difference in found],
    }
    write_json(folder / RECORD, checked(record, schema("reproduction"), "reproduction"))
    print(report(record, found), flush=True)
    return str(record["verdict"])


def identity(made: Json) -> str:
    """Return what tells results of one name apart: settings and inputs."""
    known = {key: value for key, value in made.items() if key not in surroundings.BEFORE}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def report(record: Json, found: Sequence[Difference]) -> str:
    """Return what came out as lines of text."""
    lines = [f"{record['result']}: {record['verdict']}"]
    lines.append(f"  code: {'the same' if record['code_same'] else 'another digest'}")
    for place, same in record["inputs_same"].items():
        lines.append(f"  {place}: {'the same' if same else 'differs'}")
    # What differs by more than rounding says more, so it comes first.
    for difference in sorted(found, key=lambda d: d.rounding)[:SHOWN]:
        lines.append(f"  {difference.place}: was {difference.was!r}, is {difference.now!r}")
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more places, in {RECORD}")
    if record["verdict"] == DIFFERS and not record["code_same"]:
        lines.append("  the code changed in between, which may be why")
    return "\n".join(lines)
