"""Tables and plots as files of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from earmark.provenance import SCRIPTS
from earmark.report.exported import latex, markdown
from earmark.report.figures import Cell, Table
from earmark.report.summary import summarize, write

EVIL = "a|b & 50 % $x_1^2$ \\input{/etc/passwd} <script> \n\\end{tabular}"


@pytest.fixture
def summary(results: list[Path], timing: Path, tmp_path: Path) -> Path:
    path = tmp_path / "summary.parquet"
    write(summarize([*results, timing]), tmp_path / "summary.csv", path)
    return path


def exported(what: str, summary: Path, folder: Path) -> list[Path]:
    command = [sys.executable, str(SCRIPTS / "export.py"), what, "--summary", str(summary)]
    subprocess.run([*command, "--output", str(folder)], check=True, capture_output=True)
    return sorted(folder.iterdir())


def test_every_table_is_there_twice_with_the_same_numbers(summary: Path, tmp_path: Path) -> None:
    made = exported("tables", summary, tmp_path / "tables")
    names = {path.stem for path in made}
    assert {"all-results", "genres-test-model-accuracy-at-equal-time"} <= names
    assert {path.name for path in made} == {f"{name}.{kind}" for name in names for kind in ("md", "tex")}
    for name in names:
        numbers = [
            sorted(re.findall(r"\d+\.\d+", (tmp_path / "tables" / f"{name}.{kind}").read_text()))
            for kind in ("md", "tex")
        ]
        assert numbers[0] == numbers[1] != []


def test_every_plot_is_there_three_times_with_its_legend_and_warning(summary: Path, tmp_path: Path) -> None:
    made = exported("plots", summary, tmp_path / "plots")
    names = {path.stem for path in made}
    assert {
        f"genres-test-model-{what}"
        for what in ("accuracy-layer-0", "latency", "stages", "classes", "durations")
    } <= names
    for path in made:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG")
        elif path.suffix == ".pdf":
            assert content.startswith(b"%PDF")
        else:
            text = "".join(ElementTree.fromstring(content).itertext())
            assert "embedded model" in text
            assert b"currentColor" not in content
    drawn = (tmp_path / "plots" / "genres-test-model-accuracy-layer-0.svg").read_text()
    assert "dart" in drawn and "random" in drawn and "solid line: base" in drawn


def test_untrusted_cells_stay_one_cell_of_text() -> None:
    table = Table("t", ["a", "b"], [[Cell(EVIL), Cell("1")]], [], frozenset({"b"}))
    (row,) = [line for line in markdown(table).splitlines() if "input" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3 and "\\<script\\>" in row
    (line,) = [line for line in latex(table).splitlines() if "input" in line]
    assert r"\textbackslash{}input\{/etc/passwd\}" in line
    assert len(re.findall(r"(?<!\\)&", line)) == 1 and "\\end{tabular}" not in line
