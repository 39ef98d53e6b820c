"""A result on disk: read, checked, and what of it another run must give again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from earmark.config.schema import checked, schema
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.jsonl import read_jsonl
from earmark.systems.contract import ResultType
from earmark.systems.registry import systems

NEVER = {
    "earmark/doctor": "it says what one machine can run",
    "earmark/audit": "it says what data are like, and is made from them by its path alone",
    "earmark/reproduction": "it is itself such a comparison",
}
"""Why other records are not made again."""

VARIES = ("timing", "provenance")
"""What of a record is never compared: how and where it came about."""


@dataclass(frozen=True)
class Result:
    """A result: its record, its rows by what names them (none of a type without), and its type."""

    record: Json
    rows: dict[str, Json]
    type: ResultType

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
        known = types()
        if said not in known:
            raise UserError(f"{path}: what can be made again: {', '.join(known)}; this is '{said}'")
        # A result may be someone else's.
        checked(record, schema(known[said].schema), str(path))
        return cls(record, _rows(path, known[said].rows_named_by), known[said])

    @property
    def provenance(self) -> Json:
        """What made it."""
        made: Json = self.record["provenance"]
        return made

    def again(self, path: Path) -> tuple[str, Json]:
        """Return the result's path as a target, and the config file that makes it.

        Raises:
            UserError: it says none (``path`` is for the message), or another type's path.

        """
        said = self.provenance.get("again")
        if said is None:
            raise UserError(
                f"{path} does not say what makes it: it is of an older earmark or was made by hand; make it "
                "again with its own config to get one that does"
            )
        if not self.type.matches(said["target"]):
            raise UserError(
                f"{path} is damaged: '{said['target']}' is no path of such a result; ask for it again "
                "where it was made"
            )
        return said["target"], said["config"]

    def judged(self) -> Json:
        """Return what another run must give again."""
        record: Json = self.record
        for place in (*VARIES, *self.type.varies):
            record = without(record, place.split("."))
        left = set(self.type.rows_vary)
        rows = {name: {k: v for k, v in row.items() if k not in left} for name, row in self.rows.items()}
        return record | {"samples": rows}


@cache
def types() -> dict[str, ResultType]:
    """Return the types of result by their records' ``schema``, without the version."""
    found = [kind for system in systems() for kind in system.types]
    return {schema(kind.schema)["properties"]["schema"]["const"].rpartition("/")[0]: kind for kind in found}


def without(content: Any, place: Sequence[str]) -> Any:
    """Return nested settings without the keys at a place; of a list, without that place of every entry."""
    if isinstance(content, list):
        return [without(each, place) for each in content]
    if not isinstance(content, Mapping) or place[0] not in content:
        return content
    key, *rest = place
    if rest:
        return {**content, key: without(content[key], rest)}
    return {name: value for name, value in content.items() if name != key}


def _rows(path: Path, named_by: Sequence[str]) -> dict[str, Json]:
    """Return the rows beside a result by their names."""
    if not named_by:
        return {}
    rows = path.with_suffix(".jsonl")
    if not rows.is_file():
        raise UserError(f"{rows} does not exist; the samples' rows lie beside their result")
    return {" ".join(str(row[key]) for key in named_by): row for row in read_jsonl(rows)}
