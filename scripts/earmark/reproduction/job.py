"""Make a result again from its own record, in a folder of its own, and compare."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from earmark import provenance
from earmark.errors import UserError
from earmark.files import write_json
from earmark.provenance import ROOT
from earmark.records import read_jsonl
from earmark.reproduction import pruned, surroundings
from earmark.reproduction.compare import DIFFERS, Difference, differences, verdict
from earmark.reproduction.request import Request
from earmark.schema import checked, schema

SYSTEMS: dict[str, ModuleType] = {"pruned-evaluation": pruned}
"""What knows how to ask for a result again, by the ``system`` its record names."""

RECORD = "reproduction.json"
SHOWN = 20


@dataclass(frozen=True)
class Result:
    """A result on disk: its record and its rows by sample."""

    record: dict[str, Any]
    rows: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Result:
        """Read a result and the rows beside it.

        Raises:
            UserError: it isn't there, or no result that can be made again.

        """
        try:
            record = json.loads(path.read_text())
            system = record["system"]
        except FileNotFoundError:
            raise UserError(f"{path} does not exist; RESULT is the path of a result's .json") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path} is no result: a JSON file with a 'system'") from None
        if system not in SYSTEMS:
            raise UserError(f"{path}: what can be made again: {', '.join(SYSTEMS)}; this is '{system}'")
        # A result may be someone else's: names in it become file names.
        checked(record, schema(SYSTEMS[system].SCHEMA), str(path))
        rows = path.with_suffix(".jsonl")
        if not rows.is_file():
            raise UserError(f"{rows} does not exist; the samples' rows lie beside their result")
        return cls(record, {row["clip_id"]: row for row in read_jsonl(rows)})


def prepare(folder: Path, request: Request) -> Path:
    """Make ``folder`` ready: an interrupted reproduction goes on, a finished one gives way to a new one.

    Raises:
        UserError: the folder holds something else.

    """
    if (folder / RECORD).is_file():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()) and not (folder / "config.yaml").is_file():
        raise UserError(f"{folder} is not empty and no reproduction; name a new folder by --folder")
    folder.mkdir(parents=True, exist_ok=True)
    return request.write(folder)


def run(folder: Path, config: Path, target: str, cores: str, extra: Sequence[str]) -> None:
    """Run the workflow in ``folder`` on ``config`` alone.

    Raises:
        UserError: it failed; what it printed says why.

    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(config), "--replace-workflow-config"]
    command += ["--cores", cores, *extra, "--", target]
    # Rules call `python`: it must be this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(command, check=False, env={**os.environ, "PATH": path})
    if done.returncode:
        raise UserError(f"{folder}: the workflow failed (see above); the same command goes on from there")


def compare(was: Result, now: Result, system: ModuleType) -> list[Difference]:
    """Return where two results differ, apart from time and machine."""

    def judged(result: Result) -> dict[str, Any]:
        left = system.UNCOMPARED_OF_ROWS
        rows = {name: {k: v for k, v in row.items() if k not in left} for name, row in result.rows.items()}
        return {key: result.record[key] for key in system.COMPARED} | {"samples": rows}

    return list(differences(judged(was), judged(now)))


def reproduce(path: Path, folder: Path | None, cores: str, extra: Sequence[str]) -> str:
    """Make the result at ``path`` again and compare; returns the verdict.

    ``folder`` is by default one below build/reproduce/, named after the result and its digest.

    Raises:
        UserError: the record cannot be made again, or the workflow failed.

    """
    was = Result.read(path)
    system, made = SYSTEMS[was.record["system"]], was.record["provenance"]
    request = system.request(was.record, Path.cwd())
    folder = (folder or Path("build/reproduce") / f"{path.stem}-{made['cell']}").resolve()
    around = surroundings.before(made, provenance.record(made["code"]))
    print(f"making {path} again in {folder}", flush=True)
    for difference in around:
        print(f"  {difference.place}: was {difference.was}, is {difference.now}", flush=True)
    for line in surroundings.advice(around, made):
        print(f"  {line}", flush=True)
    run(folder, prepare(folder, request), request.target, cores, extra)
    now = Result.read(folder / request.target)
    found = compare(was, now, system)
    same = surroundings.inputs(made, now.record["provenance"])
    record = {
        "schema": "earmark/reproduction/1",
        "result": str(path),
        "again": request.target,
        "verdict": verdict(found),
        "code_same": made["code"] == now.record["provenance"]["code"],
        "surroundings": [difference.flat() for difference in around],
        "inputs_same": same,
        "differences": [difference.flat() for difference in found],
    }
    write_json(folder / RECORD, checked(record, schema("reproduction"), "reproduction"))
    print(report(record, found), flush=True)
    return str(record["verdict"])


def report(record: dict[str, Any], found: Sequence[Difference]) -> str:
    """Return what came out as lines of text."""
    lines = [f"{record['result']}: {record['verdict']}"]
    lines.append(f"  code: {'the same' if record['code_same'] else 'another digest'}")
    lines += [f"  {name}: {'the same' if same else 'differ'}" for name, same in record["inputs_same"].items()]
    # What differs by more than rounding says more, so it comes first.
    for difference in sorted(found, key=lambda d: d.rounding)[:SHOWN]:
        lines.append(f"  {difference.place}: was {difference.was!r}, is {difference.now!r}")
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more places, in {RECORD}")
    if record["verdict"] == DIFFERS and not record["code_same"]:
        lines.append("  the code changed in between, which may be why")
    return "\n".join(lines)
