"""Make a result again from its own record, in a folder of its own, and compare."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from earmark.config.schema import checked, schema
from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.places import ROOT
from earmark.core.records import read_jsonl
from earmark.reproduction import surroundings
from earmark.reproduction.compare import DIFFERS, Difference, differences, verdict
from earmark.reproduction.request import Request
from earmark.systems.contract import ResultType, systems

NEVER = {
    "earmark/doctor": "it says what one machine can run",
    "earmark/audit": "it says what data are like, and is made from them by its path alone",
    "earmark/reproduction": "it is itself such a comparison",
}
"""Why other records are not made again."""

RECORD = "reproduction.json"
SHOWN = 20


@dataclass(frozen=True)
class Result:
    """A result on disk: its record, its rows by sample (none of a kind without), and what knows its kind."""

    record: dict[str, Any]
    rows: dict[str, dict[str, Any]]
    kind: ModuleType

    @classmethod
    def read(cls, path: Path) -> Result:
        """Read a result and the rows beside it.

        Raises:
            UserError: it isn't there, or no result that can be made again.

        """
        try:
            record = json.loads(path.read_text())
            said = str(record["schema"]).rpartition("/")[0]
        except FileNotFoundError:
            raise UserError(f"{path} does not exist; RESULT is the path of a result's .json") from None
        except IsADirectoryError:
            raise UserError(
                f"{path} is a folder; name one result: make reproduce RESULT=results/gtzan_dart_0.7.json"
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path} is no result: a JSON file with a 'schema'") from None
        if said in NEVER:
            raise UserError(f"{path} is not made again: {NEVER[said]}")
        known = kinds()
        if said not in known:
            raise UserError(f"{path}: what can be made again: {', '.join(known)}; this is '{said}'")
        kind = known[said].reproduction
        # A result may be someone else's: names in it become file names.
        checked(record, schema(kind.SCHEMA), str(path))
        if not hasattr(kind, "name"):
            return cls(record, {}, kind)
        rows = path.with_suffix(".jsonl")
        if not rows.is_file():
            raise UserError(f"{rows} does not exist; the samples' rows lie beside their result")
        return cls(record, {kind.name(row): row for row in read_jsonl(rows)}, kind)


@cache
def kinds() -> dict[str, ResultType]:
    """Return the types of result that can be made again by their records' ``schema``, without the version."""
    types = (kind for system in systems() for kind in system.types if kind.again)
    return {schema(kind.schema)["properties"]["schema"]["const"].rpartition("/")[0]: kind for kind in types}


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


def compare(was: Result, now: Result) -> list[Difference]:
    """Return where two results of a kind differ, apart from time and machine."""

    def judged(result: Result) -> dict[str, Any]:
        left = getattr(result.kind, "UNCOMPARED_OF_ROWS", ())
        rows = {name: {k: v for k, v in row.items() if k not in left} for name, row in result.rows.items()}
        found: dict[str, Any] = result.kind.judged(result.record)
        return found | {"samples": rows}

    return list(differences(judged(was), judged(now)))


def reproduce(path: Path, folder: Path | None, cores: str, extra: Sequence[str]) -> str:
    """Make the result at ``path`` again and compare; returns the verdict.

    ``folder`` is by default one below build/reproduce/, named after the result and its digest.

    Raises:
        UserError: the record cannot be made again, or the workflow failed.

    """
    was = Result.read(path)
    made = was.record["provenance"]
    request = _asked(path, was)
    folder = (folder or Path("build/reproduce") / f"{path.stem}-{identity(made)}").resolve()
    around = surroundings.before(made, provenance.record(made["code"]))
    print(f"making {path} again in {folder}", flush=True)
    for difference in around:
        print(f"  {difference.place}: was {difference.was}, is {difference.now}", flush=True)
    for place in surroundings.folders_elsewhere(request.sections, Path.cwd()):
        print(f"  the record names {place}, which lies outside of {Path.cwd()}: it is read", flush=True)
    for line in surroundings.advice(around, made):
        print(f"  {line}", flush=True)
    run(folder, prepare(folder, request), request.target, cores, extra)
    now = Result.read(folder / request.target)
    found = compare(was, now)
    same = surroundings.inputs(was.kind.inputs(made), was.kind.inputs(now.record["provenance"]))
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


def _asked(path: Path, was: Result) -> Request:
    """Return what the record asks for; raises UserError where what it says makes no sense together."""
    try:
        request: Request = was.kind.request(was.record, Path.cwd())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        raise UserError(f"{path} is damaged ({reason}); ask for it again where it was made") from None
    return request


def identity(made: dict[str, Any]) -> str:
    """Return what tells results of one name apart: settings and inputs."""
    known = {key: made.get(key) for key in ("config", "upstream", "code", "data", "runs", "model")}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


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
