"""JSON lines: the rows that lie beside a record, one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json, replacing


def write_jsonl(path: Path, rows: Iterable[Json]) -> None:
    """Write rows as JSON lines, by rename."""
    with replacing(path) as partial, partial.open("w") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def read_jsonl(path: Path, *, torn: bool = False) -> list[Json]:
    """Read JSON lines; ``torn`` drops a last line that a killed writer left unfinished.

    Raises:
        UserError: a line is not JSON.

    """
    rows = []
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines[:-1] if torn else lines, start=1):
        if line:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise UserError(f"{path}, line {number} is not JSON ({error.msg})") from None
    return rows
