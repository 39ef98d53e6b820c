"""The page: summary rows and result files, shaped for ``page.html``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from earmark.errors import UserError
from earmark.files import replacing
from earmark.report import charts, probing, sections, shell
from earmark.report.tables import Result, read_probes, read_results, read_timings
from earmark.report.words import banner

LONGEST = 300  # characters of a setting


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested settings as dotted name and text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield name, text if len(text) <= LONGEST else text[:LONGEST] + " …"


def provenance(
    records: Mapping[str, Mapping[str, Any]],
) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Return what made the files: for each name its values, and for each value the files."""
    found: dict[str, dict[str, list[str]]] = {}
    for path, record in records.items():
        made = {k: value for k, value in record["provenance"].items() if k not in ("config", "upstream")}
        clock = record.get("timing", record)
        made |= {key: clock[key] for key in ("device", "dtype", "attention", "threads") if key in clock}
        for name, text in _flat("", made):
            found.setdefault(name, {}).setdefault(text, []).append(path)
    return [(name, list(values.items())) for name, values in found.items()]


def build(
    summary: pd.DataFrame,
    results: Sequence[Result],
    timings: Mapping[str, Mapping[str, Any]],
    probes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """Return the page as HTML."""
    by_path = {result.path: result for result in results}
    rows = sections.points(summary, by_path)
    reducers = {row["method"]: row["reducer"] for row in rows}
    for point in (point for record in timings.values() for point in record["points"]):
        # A timing file names no reducer: a variant is called like one ("dart-l2").
        name = point["method"]
        reducers.setdefault(name, "-".join(name.split("-")[: 1 + name.startswith("kv-")]))
    look = charts.looks(reducers)

    # The base first, then method by method from the gentlest to the harshest.
    rank = {name: i for i, name in enumerate(look)}
    rows.sort(
        key=lambda row: (
            *(row[name] for name in sections.COMPARABLE),
            not row["is_base"],
            row["layer"],
            rank.get(row["method"], -1),
            -(row["ratio"] or 0),
        )
    )
    same = itemgetter(*sections.COMPARABLE)
    groups = [list(group) for _, group in groupby(rows, key=same)]
    shown = [sections.section(group, by_path, look) for group in groups]
    shown += [sections.timing_section(record, look) for record in timings.values()]
    shown += [probing.section(record) for record in probes.values()]
    records = {result.path: result.record for result in results} | dict(timings) | dict(probes)
    labels = [record["labels"] for record in records.values()]
    warning = banner(",".join(label for each in labels for label in each))
    return shell.render(
        Path(__file__).with_name("page.html"),
        sections=shown,
        rows=rows,
        warning=("" if all(labels) else "Where marked so: ") + warning if warning else "",
        provenance=provenance(records),
        files=len(records),
        probes=len(probes),
    )


def write(
    summary: Path, results: Sequence[Path], timings: Sequence[Path], probes: Sequence[Path], output: Path
) -> None:
    """Write the page of a summary table and the files it was made from.

    Raises:
        UserError: a file is missing or not what it should be.

    """
    try:
        table = pd.read_parquet(summary)
    except (OSError, ValueError) as error:
        raise UserError(f"{summary} is not a summary table ({error}); run summarize.py") from None
    html = build(table, read_results(results), read_timings(timings), read_probes(probes))
    with replacing(output) as partial:
        partial.write_text(html)
