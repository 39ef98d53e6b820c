"""Every result on disk in one long table, rebuilt from what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from earmark.config.common import Import
from earmark.core.errors import UserError
from earmark.core.files import Json, replacing
from earmark.core.progress import tqdm
from earmark.report import files, imports, rows
from earmark.report.columns import LEFT_OUT, ORDER, OURS, dtypes, settings
from earmark.report.known import Known
from earmark.report.remembered import Remembered
from earmark.systems.registry import systems


def summarize(
    paths: Iterable[Path], wanted: Sequence[Import] = (), memory: Remembered | None = None
) -> pd.DataFrame:
    """Return the long table of result files and of ``wanted`` imports, sorted: their order doesn't matter.

    A file that is no result of this version gets one row that says so (system ``left-out``).

    Raises:
        UserError: a result, its samples or an import is damaged.

    """
    memory = memory or Remembered(None)
    unique = sorted(set(paths))
    known = [_known(path, memory) for path in tqdm(unique, desc="results", unit="file")]
    made = [row for each in known for row in each.rows]
    for system in systems():
        if system.compare is not None:
            made += system.compare([each for each in known if each.of[0] == system.name], memory)
    for block in wanted:
        made += imports.rows(block)
    memory.close()
    return _sorted(pd.DataFrame(made, columns=list(dtypes())).astype(dtypes()))


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by what was measured, then by every system's settings, then by what was found."""
    by, ascending = list(ORDER), [True] * len(ORDER)
    for column in settings():
        if column.rank is not None:
            by.append(f"_{column.name}")
            ascending.append(True)
            table[by[-1]] = table[column.name].map(column.rank, na_action="ignore").astype("float64")
        by.append(column.name)
        ascending.append(not column.descending)
    last = ["seed", "result", "metric"]
    ranked = table.sort_values(
        [*by, *last], ascending=[*ascending, *[True] * len(last)], kind="stable", ignore_index=True
    )
    return ranked[list(dtypes())]


def _known(path: Path, memory: Remembered) -> Known:
    """Return what one file gives, from memory if neither it nor its samples changed."""
    digest, samples = memory.digest(path), memory.digest(path.with_suffix(".jsonl"))
    content = memory.get(["file", str(path), digest, samples], partial(_read, path))
    for row in content["rows"]:
        row |= {"result": str(path), "digest": digest[:16]}
    return Known(path, digest, samples, **content)


def _read(path: Path) -> Json:
    """Return the rows of one file, and what its type says about it."""
    found = files.recognised(path)
    if isinstance(found, str):
        return {"rows": [{"source": OURS, "system": LEFT_OUT, "metric": LEFT_OUT, "note": found}]}
    system, kind, record = found
    return {
        "rows": rows.of(system, kind, path, record),
        "about": kind.about(path, record) if kind.about else {},
    }


def write(table: pd.DataFrame, csv: Path, parquet: Path) -> None:
    """Write the table as Parquet and, with spreadsheet formulas made harmless, as CSV."""
    with replacing(parquet) as unfinished:
        table.to_parquet(unfinished, index=False)
    plain = table.copy()
    for name in (name for name, kind in dtypes().items() if kind == "str"):
        # A spreadsheet runs cells that begin like this; a quote in front makes them text.
        formula = plain[name].str.match(r"\s*[=+\-@\t\r]", na=False)
        plain[name] = plain[name].mask(formula, "'" + plain[name])
    with replacing(csv) as unfinished:
        plain.to_csv(unfinished, index=False, lineterminator="\n")


def load(path: Path) -> pd.DataFrame:
    """Read a summary back.

    Raises:
        UserError: the file is missing or not a summary of this version.

    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not a summary table ({error}); run summarize.py") from None
    if list(table.columns) != list(dtypes()):
        raise UserError(f"{path} has other columns than this version's summary; run summarize.py again")
    return table
