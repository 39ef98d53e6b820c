"""Every result on disk in one long table, rebuilt from what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.core.progress import tqdm
from earmark.report import difference, files, imports, rows, tagged
from earmark.report.columns import DTYPES, LEFT_OUT, ORDER, OURS, TAGGING
from earmark.report.remembered import Remembered
from earmark.report.results import Answers, Result, sample_set
from earmark.report.tagging_rows import merged
from earmark.scoring import catalogue

Row = dict[str, Any]


@dataclass
class _Known:
    """What the summary keeps of a result file; ``base_of`` joins what one base can be compared with."""

    path: Path
    digest: str
    samples: str
    found: list[Row]
    base_of: str = ""
    is_base: bool = False
    metric: str = ""


def summarize(
    paths: Iterable[Path], wanted: Sequence[Mapping[str, Any]] = (), memory: Remembered | None = None
) -> pd.DataFrame:
    """Return the long table of result files and of ``wanted`` imports, sorted: their order doesn't matter.

    A file that is no result of this version gets one row that says so (system ``left-out``).

    Raises:
        UserError: a result, its samples or an import is damaged.

    """
    memory = memory or Remembered(None)
    unique = sorted(set(paths))
    known = [_known(path, memory) for path in tqdm(unique, desc="results", unit="file")]
    made = [row for each in known for row in each.found]
    made += _differences([each for each in known if each.base_of], memory)
    made += _tagging_differences(known)
    for block in wanted:
        made += imports.rows(block)
    memory.close()
    table = pd.DataFrame(made, columns=list(DTYPES)).astype(DTYPES)
    by = [*ORDER, "keep_ratio", "keep_tokens", "r", "seed", "result", "metric"]
    descending = {"keep_ratio", "keep_tokens"}
    # 4 before 16; schedules of the same number by what follows it.
    table["_merged"] = table["r"].map(merged, na_action="ignore").astype("float64")
    by.insert(by.index("r"), "_merged")
    ascending = [name not in descending for name in by]
    ranked = table.sort_values(by, ascending=ascending, kind="stable", ignore_index=True)
    return ranked.drop(columns="_merged")


def _known(path: Path, memory: Remembered) -> _Known:
    """Return what one file gives, from memory if neither it nor its samples changed."""
    digest, samples = memory.digest(path), memory.digest(path.with_suffix(".jsonl"))
    content = memory.get(["file", str(path), digest, samples], partial(_read, path))
    for row in content["found"]:
        row |= {"result": str(path), "digest": digest[:16]}
    return _Known(path, digest, samples, **content)


def _read(path: Path) -> dict[str, Any]:
    """Return the rows of one file, and for pruned evaluation what it can be compared with."""
    found = files.recognised(path, rows.KINDS)
    if isinstance(found, str):
        return {"found": [{"source": OURS, "system": LEFT_OUT, "metric": LEFT_OUT, "note": found}]}
    kind, record = found
    made = rows.of(kind, record)
    if kind != "result":
        return {"found": made}
    result = Result(str(path), record)
    asked = sample_set(result.answers())
    for row in made:
        row["sample_set"] = asked
    return {
        "found": made,
        "base_of": result.comparable(),
        "is_base": result.is_base,
        "metric": result.asked["metric"],
    }


def _differences(known: Sequence[_Known], memory: Remembered) -> list[Row]:
    """Return a row for each run that can be compared with an unpruned one, corrected base by base."""
    bases: dict[str, _Known] = {}
    for each in known:
        if each.is_base:
            bases.setdefault(each.base_of, each)
    made: list[Row] = []
    for key, base in sorted(bases.items()):
        answers: list[Answers] = []  # of the base, read when the first comparison needs them
        family = []
        for each in known:
            if each.base_of != key or each.is_base:
                continue
            shared = each.found[0]
            names = [str(each.path), each.digest, each.samples, str(base.path), base.digest, base.samples]
            found = memory.get(["pair", *names], partial(_compared, each, base, answers))
            if found is not None:
                family.append({**{name: shared.get(name) for name in DTYPES}, **_blank(), **found})
        difference.correct(family)
        made += family
    return made


def _tagging_differences(known: Sequence[_Known]) -> list[Row]:
    """Return a row for each result of audio tagging and what it can be compared with."""
    found = {str(each.path): each.found[0] for each in known if each.found[0]["system"] == TAGGING}
    return [
        {**{name: found[path].get(name) for name in DTYPES}, **_blank(), **row}
        for (path, _), row in tagged.differences(tagged.read(map(Path, found))).items()
    ]


def _compared(each: _Known, base: _Known, answers: list[Answers]) -> Row | None:
    if not answers:
        answers.append(_answers(base.path))
    metric = catalogue.of_answers(each.metric)
    return difference.difference(each.found[0], metric, _answers(each.path), answers[0])


def _answers(path: Path) -> Answers:
    return Result(str(path), files.read(path, "result")).answers()


def _blank() -> Row:
    """Return the columns that a row of another metric has no value in."""
    return dict.fromkeys(("value", "low", "high", "interval", "n", "p_value"))


def write(table: pd.DataFrame, csv: Path, parquet: Path) -> None:
    """Write the table as Parquet and, with spreadsheet formulas made harmless, as CSV."""
    with replacing(parquet) as unfinished:
        table.to_parquet(unfinished, index=False)
    plain = table.copy()
    for name in (name for name, kind in DTYPES.items() if kind == "str"):
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
    if list(table.columns) != list(DTYPES):
        raise UserError(f"{path} has other columns than this version's summary; run summarize.py again")
    return table
