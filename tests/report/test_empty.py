"""A grid without results still gives a table and a page: probes alone are a report too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import warm

from earmark.core.places import SCRIPTS


def script(name: str, *arguments: str) -> None:
    done = subprocess.run([warm.python(), str(SCRIPTS / name), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_results_make_an_empty_table_and_a_page(tmp_path: Path) -> None:
    table, csv, page = (str(tmp_path / name) for name in ("s.parquet", "s.csv", "r.html"))
    script("summarize.py", "--results", str(tmp_path / "results"), "--csv", csv, "--parquet", table)
    script("report.py", "--summary", table, "--output", page)
    assert Path(csv).read_text().count("\n") == 1 and Path(csv).read_text().startswith("source,")
    assert "0 results" in Path(page).read_text()
