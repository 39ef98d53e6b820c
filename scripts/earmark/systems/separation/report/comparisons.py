"""Routers against the base on the same samples, with p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from earmark.core.files import Json
from earmark.report.known import Known
from earmark.report.remembered import Remembered
from earmark.scoring.multiple import correct

Row = Json
Record = Json
TO_BASE = "difference_to_base"
TESTED = ("value", "low", "high", "n", "interval", "p_value")


def differences(records: Mapping[str, Record]) -> dict[str, dict[str, Row]]:
    """Return each result's differences to the base, by its path and the measure.

    A family are all routers and measures of a set, a separator and a seed. The oracle is in none: it is no
    result, so there is nothing to test.
    """
    made: dict[str, dict[str, Row]] = {}
    families: dict[tuple[str, str, int], list[Row]] = {}
    for path, record in records.items():
        asked = record["asked"]
        for name, found in record["to_base"].items():
            row = {key: found[key] for key in TESTED}
            made.setdefault(path, {})[name] = row
            if record["upper_bound"]:
                row["p_value"] = None
            else:
                family = asked["task"], asked["model"], asked["seed"]
                families.setdefault(family, []).append(row)
    for each in families.values():
        correct(each)
    return made


def about(path: Path, record: Json) -> Row:
    """Return what the summary has to know of a result for its comparisons."""
    return {key: record[key] for key in ("asked", "upper_bound", "to_base")}


def rows(known: Sequence[Known], memory: Remembered) -> Iterable[Row]:
    """Yield a row for each result and measure, for the summary."""
    found = {str(each.path): each for each in known}
    for path, measures in differences({path: each.about for path, each in found.items()}).items():
        for name, row in measures.items():
            yield found[path].compared({"metric": f"{TO_BASE}/{name}", **row})
