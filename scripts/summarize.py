"""Gather every result on disk into one long table: a row per result and metric.

From the JSON files below a folder of results (samples, *.jsonl, lie beside them) and imported results
of other programs to one table as CSV and as Parquet. Every reduced run is also compared with the
unpruned one on the samples both answered: metric "difference_to_base". What was read before and hasn't
changed is not read again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.config.common import Import
from earmark.core import cli
from earmark.core.given import given
from earmark.report import files, summary
from earmark.report.columns import LEFT_OUT
from earmark.report.remembered import Remembered


def main(
    csv: Annotated[Path, typer.Option(help="the table as CSV")],
    parquet: Annotated[Path, typer.Option(help="the table as Parquet")],
    results: Annotated[Path, typer.Option(help="the folder of results")] = Path("results"),
    imports: Annotated[str, typer.Option(help="config's import section (JSON file)")] = "[]",
    system: Annotated[str, typer.Option(help="the only system whose results are wanted")] = "",
    memory: Annotated[Path | None, typer.Option(help="folder for what was read off each file")] = None,
) -> None:
    """Gather every result below a folder into one long table."""
    known = Remembered(memory)
    wanted = [Import.read(each, "--imports") for each in given(imports)]
    table = summary.summarize(files.find(results, system), wanted, known)
    summary.write(table, csv, parquet)
    left = table.loc[table["system"] == LEFT_OUT, "result"].nunique()
    named = f"; {left} left out, for reasons the page tells" if left else ""
    print(f"{table['result'].nunique()} files, {len(table)} rows; {known.read} parts read anew{named}")


if __name__ == "__main__":
    cli.run(main)
