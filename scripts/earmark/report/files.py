"""Result files on disk: found, told apart by their schema, read and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from earmark.config.schema import SYSTEMS, schema
from earmark.core.errors import UserError
from earmark.core.places import CONFIG
from earmark.systems.contract import Record, ResultType, System
from earmark.systems.registry import system, systems

DOCTOR = "doctor.json"
LONGEST = 200  # characters of a schema's complaint


@cache
def kinds() -> dict[str, str]:
    """Return the kind of file behind each ``schema`` that a record can name: its published schema's name."""
    found = {}
    for path in sorted([*(CONFIG / "schemas").glob("*.schema.json"), *SYSTEMS.glob("*/*.schema.json")]):
        kind = path.name.removesuffix(".schema.json")
        properties = schema(kind).get("properties", {})
        name = properties.get("schema", {}).get("const")
        if isinstance(name, str):
            found[name] = kind
    return found


@cache
def types() -> dict[str, tuple[System, ResultType]]:
    """Return every system's types of result by the name of their schema."""
    return {kind.schema: (system, kind) for system in systems() for kind in system.types}


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(kind))


def find(folder: Path, of: str = "") -> list[Path]:
    """Return the JSON files below a folder, sorted; hidden files and folders are not looked at.

    Nor is what the doctor wrote beside results: asking it makes no summary stale. ``of`` a system: only
    those whose place is that of its results.
    """
    found = (path for path in folder.rglob("*.json") if path.is_file() and path != folder / DOCTOR)
    shown = (path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))
    return sorted(path for path in shown if not of or system(of).made(f"results/{path.relative_to(folder)}"))


def parsed(path: Path) -> Any:
    """Return a JSON file's content.

    Raises:
        UserError: the file is missing or isn't JSON.

    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not JSON ({error}); delete it to make it again") from None


def read(path: Path, kind: str) -> Record:
    """Read a JSON file and check it against ``config/schemas/{kind}.schema.json``.

    Raises:
        UserError: the file is missing, is not JSON or does not fit the schema.

    """
    return _fits(path, parsed(path), kind)


def recognised(path: Path) -> tuple[System, ResultType, Record] | str:
    """Return whose result a file is, of which type, and its content; or why it is none.

    Raises:
        UserError: it isn't JSON, or it names a schema of this version and doesn't fit it.

    """
    content = parsed(path)
    name = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name.startswith("earmark/"):
        return "names no schema of earmark; results of other programs come in by `import:` in the config"
    if name not in kinds():
        return f"schema {name[:LONGEST]}: of another version of earmark"
    if kinds()[name] not in types():
        return f"schema {name}: holds no scores"
    return *types()[kinds()[name]], _fits(path, content, kinds()[name])


def _fits(path: Path, content: Any, kind: str) -> Record:
    problem = jsonschema.exceptions.best_match(_validator(kind).iter_errors(content))
    if problem is not None:
        where = problem.json_path.removeprefix("$.") if problem.path else "the file"
        said = problem.message if len(problem.message) < LONGEST else problem.message[:LONGEST] + " ..."
        raise UserError(f"{path} is not a {kind} of earmark: {where}: {said}; delete it to make it again")
    return dict(content)


def many(paths: Iterable[Path], kind: str) -> Iterator[tuple[str, Record]]:
    """Yield path and content of files of one kind, sorted by path, each once."""
    for path in sorted(set(paths)):
        yield str(path), read(path, kind)
