"""Tables and plots as files of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.report import drawing, exports, pages
from earmark.report.exported import latex, markdown
from earmark.report.figures import Cell, Table
from earmark.report.summary import summarize, write

EVIL = "a|b & 50 % $x_1^2$ \\input{/etc/passwd} <script> \n\\end{tabular}"


@pytest.fixture
def summary(results: list[Path], timing: Path, tmp_path: Path) -> Path:
    path = tmp_path / "summary.parquet"
    write(summarize([*results, timing]), tmp_path / "summary.csv", path)
    return path


def run(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def listed(summary: Path, tmp_path: Path) -> Path:
    path = tmp_path / "exports.jsonl"
    assert run("exports.py", "--summary", summary, "--output", path).returncode == 0
    return path


def drawn(kind: str, name: str, listed: Path, folder: Path) -> list[Path]:
    files = [folder / f"{name}.{form}" for form in exports.KINDS[kind]]
    outputs = [word for path in files for word in ("--output", path)]
    done = run(f"{kind}.py", "--name", name, "--exports", listed, *outputs)
    assert done.returncode == 0, done.stderr
    return files


def test_every_table_is_made_twice_with_the_same_numbers(listed: Path, tmp_path: Path) -> None:
    names = exports.names(listed, "table")
    assert {"all-results", "genres-test-model-accuracy-at-equal-time"} <= set(names)
    assert len(names) == len(set(names))
    for name in names:
        numbers = [
            sorted(re.findall(r"\d+\.\d+", path.read_text()))
            for path in drawn("table", name, listed, tmp_path)
        ]
        assert numbers[0] == numbers[1] != []


def test_a_plot_is_made_three_times_with_its_legend_and_warning(listed: Path, tmp_path: Path) -> None:
    assert {
        f"genres-test-model-{what}"
        for what in ("accuracy-layer-0", "latency", "stages", "classes", "durations")
    } <= set(exports.names(listed, "plot"))
    svg, png, pdf = drawn("plot", "genres-test-model-accuracy-layer-0", listed, tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG") and pdf.read_bytes().startswith(b"%PDF")
    text = "".join(ElementTree.fromstring(svg.read_bytes()).itertext())
    assert "dart" in text and "random" in text and "solid line: base" in text


def test_every_plot_stands_alone_on_paper(listed: Path) -> None:
    for name in exports.names(listed, "plot"):
        content = drawing.drawn(exports.read(listed, "plot", name), "svg")
        assert "demo model" in "".join(ElementTree.fromstring(content).itertext())
        assert b"currentColor" not in content


def test_a_name_that_is_not_there_is_answered_with_those_that_are(listed: Path, tmp_path: Path) -> None:
    done = run("plot.py", "--name", "acuracy", "--exports", listed, "--output", tmp_path / "x.pdf")
    assert done.returncode == 1 and not (tmp_path / "x.pdf").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: there is no plot acuracy; there are: genres-test-model-accuracy-layer-")
    assert all(name in line for name in exports.names(listed, "plot"))
    exports.write([], [], listed)
    with pytest.raises(UserError, match="there is no table x; the page has no table"):
        exports.read(listed, "table", "x")


def test_names_that_come_twice_are_told_apart(tmp_path: Path) -> None:
    exports.write([("a", 1), ("a", 2), ("b", 3)], [("a", 4)], tmp_path / "l")
    assert exports.names(tmp_path / "l", "plot") == ["a", "a-2", "b"]
    assert (
        exports.read(tmp_path / "l", "plot", "a-2") == 2 and exports.read(tmp_path / "l", "table", "a") == 4
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("results/plots", "ask for all of them by `plots`"),
        ("results/tagging/tables/", "ask for all of them by `tagging_tables`"),
        ("results/plots/accuracy.jpg", r"a plot is made as svg, png, pdf: results/plots/<name>\.pdf"),
        ("results/tables/all-results.csv", "a table is made as md, tex"),
    ],
)
def test_a_form_that_is_not_made_is_refused_before_any_job(path: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        pages.check_target(path)
    assert pages.check_target("results/plots/accuracy.pdf")


def test_untrusted_cells_stay_one_cell_of_text() -> None:
    table = Table("t", ["a", "b"], [[Cell(EVIL), Cell("1")]], [], frozenset({"b"}))
    (row,) = [line for line in markdown(table).splitlines() if "input" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3 and "\\<script\\>" in row
    (line,) = [line for line in latex(table).splitlines() if "input" in line]
    assert r"\textbackslash{}input\{/etc/passwd\}" in line
    assert len(re.findall(r"(?<!\\)&", line)) == 1 and "\\end{tabular}" not in line
