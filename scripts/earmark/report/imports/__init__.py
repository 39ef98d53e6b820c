"""Results of other programs, laid beside ours and marked as imported.

A module per kind of file turns one file into rows of the summary: units become ours (shares, the share of
tokens *kept*), and where a number means something else than ours, its metric has another name.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from earmark.config.common import Import
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.report.columns import LEFT_OUT
from earmark.report.imports import audiomarathon, xares_llm
from earmark.report.imports.files import import_files
from earmark.systems.contract import Row
from earmark.systems.registry import systems

KINDS = {"audiomarathon": audiomarathon, "xares_llm": xares_llm}
UNFIT = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, OSError)
LONGEST = 200  # characters of a reason


def rows(block: Import) -> Iterator[Row]:
    """Yield the rows of every file of a block; a file that can't be read gives one that says why.

    Raises:
        UserError: a file is missing, or none is of the kind it should be.

    """
    kind = KINDS[block.kind]
    reasons: list[tuple[Path, str]] = []
    files = import_files(block)
    for path in files:
        origin = {"source": f"imported: {kind.NAME}", "result": str(path), "digest": sha256(path)[:16]}
        shown = next((system for system in systems() if block.kind in system.imports), None)
        origin |= {"system": shown.name} if shown else {}
        try:
            made = [_written(row) for row in kind.rows(path, block)]
        except (*UNFIT, csv.Error, yaml.YAMLError) as error:
            reasons.append((path, _worded(error)))
            made = [{"system": LEFT_OUT, "metric": LEFT_OUT, "note": f"{kind.NAME}: {reasons[-1][1]}"}]
        if len(reasons) == len(files):
            raise UserError(
                f"{reasons[0][0]} is not a result of {kind.NAME} as far as known ({reasons[0][1]}); "
                "correct or remove it in config: import"
            )
        for row in made:
            yield {**origin, **row}


def _worded(error: Exception) -> str:
    """Return in one line why a file can't be read."""
    if isinstance(error, KeyError):
        said = f"it lacks {error}"
    elif isinstance(error, json.JSONDecodeError):
        said = f"torn or no JSON: {error}"
    else:
        said = str(error) or type(error).__name__
    said = " ".join(said.split())
    return said if len(said) <= LONGEST else f"{said[:LONGEST]} ..."


def _written(row: Row) -> Row:
    """Return a row whose texts can be written: half a character of two becomes a question mark."""
    return {k: v.encode(errors="replace").decode() if isinstance(v, str) else v for k, v in row.items()}
