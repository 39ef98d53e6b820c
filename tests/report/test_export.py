"""Tables and plots as files of their own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import warm
from made_up import fake_grid, fake_times

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.report import drawing, exports, pages
from earmark.report.exported import latex, markdown, restored
from earmark.report.figures import Cell, Table
from earmark.report.paper import chosen
from earmark.report.summary import summarize, write

EVIL = "a|b & 50 % $x_1^2$ \\input{/etc/passwd} <script> \n\\end{tabular}"


def run(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [warm.python(), str(SCRIPTS / script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    summary, path = folder / "summary.parquet", folder / "exports.jsonl"
    results = fake_grid(folder / "results")
    write(summarize([*results, fake_times(folder / "results")]), folder / "summary.csv", summary)
    assert run("exports.py", "--summary", summary, "--output", path).returncode == 0
    return path


@pytest.fixture
def listed(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path))


def drawn(kind: str, name: str, listed: Path, folder: Path) -> list[Path]:
    files = [folder / f"{name}{form}" for form in exports.KINDS[kind]]
    outputs = [word for path in files for word in ("--output", path)]
    done = run(f"{kind}.py", "--name", name, "--exports", listed, *outputs)
    assert done.returncode == 0, done.stderr
    return files


def test_every_table_is_made_twice_with_the_same_numbers(listed: Path, tmp_path: Path) -> None:
    names = exports.names(listed, "table")
    assert {"all-results", "genres-test-model-accuracy-at-equal-time"} <= set(names)
    assert len(names) == len(set(names))
    for name in names:
        texts = [path.read_text() for path in drawn("table", name, listed, tmp_path)]
        assert all("emo model" in text for text in texts), f"{name} doesn't say that it is of a demo"
        numbers = [sorted(re.findall(r"\d+\.\d+", text)) for text in texts]
        assert numbers[0] == numbers[1] != []


def test_a_plot_is_made_three_times_with_its_legend_and_warning(listed: Path, tmp_path: Path) -> None:
    assert {
        f"genres-test-model-{what}"
        for what in ("accuracy-layer-0", "latency", "stages", "classes", "durations")
    } <= set(exports.names(listed, "plot"))
    svg, png, pdf, *_ = drawn("plot", "genres-test-model-accuracy-layer-0", listed, tmp_path)
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


def test_plots_for_papers_have_their_width_their_fonts_and_letters_that_are_read(
    listed: Path, tmp_path: Path
) -> None:
    for name in ("genres-test-model-latency", "genres-test-model-classes"):
        files = {path.name.removeprefix(name): path for path in drawn("plot", name, listed, tmp_path)}
        for size, width_mm in (("-column", 85), ("-page", 175)):
            pdf = files[f"{size}.pdf"].read_bytes()
            box = re.search(rb"/MediaBox \[0 0 ([\d.]+) [\d.]+\]", pdf)
            assert box is not None and float(box[1]) == pytest.approx(width_mm * 72 / 25.4, abs=1)
            # TrueType outlines inside the file; a Type 3 font is what publishers refuse.
            assert b"/FontFile2" in pdf and b"/Type3" not in pdf
            svg = files[f"{size}.svg"].read_text()
            assert min(map(float, re.findall(r"font-size[:=]\D{0,2}([\d.]+)px", svg))) >= 6
            assert "demo model / synthetic data" in "".join(ElementTree.fromstring(svg).itertext())
    path = tmp_path / "narrow-column.pdf"
    done = run("plot.py", "--name", name, "--exports", listed, "--output", path, "--column-mm", 60)
    assert done.returncode == 0 and b"/MediaBox [0 0 170" in path.read_bytes()


def test_a_name_never_ends_like_a_size(tmp_path: Path) -> None:
    exports.write([("by-page", 1), ("page", 2)], [], tmp_path / "l")
    assert exports.names(tmp_path / "l", "plot") == ["by-page-plot", "page"]


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
        (
            "results/plots/accuracy.jpg",
            r"a plot is made as <name>\.svg, <name>\.png, <name>\.pdf, <name>-column",
        ),
        ("results/tables/all-results.csv", r"a table is made as <name>\.md, <name>\.tex"),
    ],
)
def test_a_form_that_is_not_made_is_refused_before_any_job(path: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        pages.check_target(path)
    assert pages.check_target("results/plots/accuracy.pdf")
    assert pages.check_target("results/plots/accuracy-column.pdf")


def test_untrusted_cells_stay_one_cell_of_text() -> None:
    table = Table("t", ["a", "b"], [[Cell(EVIL), Cell("1")]], [], frozenset({"b"}))
    (row,) = [line for line in markdown(table).splitlines() if "input" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3 and "\\<script\\>" in row
    (line,) = [line for line in latex(table).splitlines() if "input" in line]
    assert r"\textbackslash{}input\{/etc/passwd\}" in line
    assert len(re.findall(r"(?<!\\)&", line)) == 1 and "\\end{tabular}" not in line


def test_a_claim_is_one_table_with_intervals_and_the_best_in_bold(listed: Path, tmp_path: Path) -> None:
    name = "paper-pruning-genres-test-model-cpu-float32-seed-0-accuracy"
    md, tex = (path.read_text() for path in drawn("table", name, listed, tmp_path))
    assert md.startswith(
        "Accuracy (%, 95 % interval): genres, test-model. Bold: best, or not told from it. "
        "Demo model / synthetic data. Columns: share of audio tokens kept."
    )
    assert "| method | 100\u00a0% | 50\u00a0% | 10\u00a0% |".replace("\u00a0", " ") in md
    cell = re.search(
        r"^\| random, layer 0 \|.*?(\*\*)?(\d+\.\d)(\*\*)? \\\[(\d+\.\d),.(\d+\.\d)\\\]", md, re.MULTILINE
    )
    assert cell is not None and float(cell[4]) < float(cell[2]) < float(cell[5])
    for word in (r"\toprule", r"\midrule", r"\bottomrule", r"\cmidrule(l){2-4}", r"\multicolumn{3}{c}"):
        assert word in tex
    assert r"\textbf{" in tex and r"{\scriptsize {}[" in tex


def test_there_is_a_table_for_stage_times_and_one_class_by_class(listed: Path, tmp_path: Path) -> None:
    where = "genres-test-model-cpu-float32-seed-0"
    md, _ = (
        path.read_text() for path in drawn("table", f"paper-pruning-stage-times-{where}", listed, tmp_path)
    )
    # The made-up prefill takes 0.1 s and 0.4 s times the share kept, its interval is 2 % either way.
    (line,) = [line for line in md.splitlines() if line.startswith("| dart 50 %".replace(" %", " %"))]
    assert "300 \\[294," in line.replace("\u00a0", " ") and "(ms, median, 95 % interval)" in md
    md, _ = (
        path.read_text() for path in drawn("table", f"paper-pruning-each-class-{where}", listed, tmp_path)
    )
    assert [line.split(" | ")[0] for line in md.splitlines() if line.startswith("| ")][2:] == [
        f"| {genre}" for genre in ("blues", "classical", "jazz", "rock")
    ]


def test_columns_are_chosen_in_an_order_or_the_mistake_is_named(listed: Path, tmp_path: Path) -> None:
    def heads(*words: str) -> list[str]:
        path = tmp_path / "t.md"
        done = run("table.py", "--name", "all-results", "--exports", listed, "--output", path, *words)
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in path.read_text().splitlines() if line.startswith("| ")][:1]
        return [word.strip() for word in line.strip("|").split("|")]

    assert heads() == ["task", "method", "kept, asked", "score", "difference to base"]
    assert heads("--columns", "score", "--columns", "kept, asked") == ["score", "kept, asked"]
    assert len(heads("--columns", "all")) > 8
    path = tmp_path / "no.md"
    done = run(
        "table.py", "--name", "all-results", "--exports", listed, "--output", path, "--columns", "scores"
    )
    assert done.returncode == 1 and not path.exists()
    assert done.stderr.splitlines() == [
        "error: the table 'All results' has no column 'scores'; did you mean 'score'?"
    ]


def checked(tex: str) -> None:
    """Check that a table's braces close, its lines have as many cells as columns, and its parts end."""
    body = re.sub(r"(?<!\\)%.*", "", tex)
    plain = re.sub(r"\\[{}]", "", body)
    depth = 0
    for char in plain:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert re.findall(r"\\begin\{(.*?)\}", plain) == re.findall(r"\\end\{(.*?)\}", plain)[::-1]
    (columns,) = re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", body)
    lines = [line for line in body.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert lines and all(len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1 for line in lines)


def every_table(listed: Path) -> dict[str, str]:
    names = exports.names(listed, "table")
    found = {name: restored(exports.read(listed, "table", name)) for name in names}
    return {name: latex(chosen(table, [])) for name, table in found.items()}


def test_every_table_is_whole(listed: Path) -> None:
    for tex in every_table(listed).values():
        checked(tex)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_every_table_and_no_claim_is_wider_than_its_page(listed: Path, tmp_path: Path) -> None:
    evil = Table(
        "Caf\u00e9 & 100 % \u2032 \u2265", ["a", "b"], [[Cell(EVIL), Cell("[1")]], ["note \\ %"], across="x_1"
    )
    tables = every_table(listed) | {"evil": latex(evil)}
    parts = [rf"\typeout{{TABLE {name}}}" + "\n" + tex + "\n\\clearpage" for name, tex in tables.items()]
    head = r"\documentclass[twocolumn,a4paper]{article}\usepackage[margin=2cm]{geometry}\usepackage{booktabs}"
    text = f"{head}\\begin{{document}}\n" + "\n".join(parts) + "\n\\end{document}\n"
    (tmp_path / "all.tex").write_text(text)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "all.tex"], cwd=tmp_path, capture_output=True, text=True,
        errors="replace",
    )  # fmt: skip
    assert done.returncode == 0 and not re.findall(r"^! .*", done.stdout, re.MULTILINE), done.stdout[-2000:]
    logs = dict(re.findall(r"TABLE (\S+)\n(.*?)(?=TABLE |\Z)", done.stdout, re.DOTALL))
    wide = [name for name, log in logs.items() if "Overfull" in log]
    assert len(logs) == len(tables) and all("Wider than a page" in tables[name] for name in wide)
    assert not any(name.startswith("paper-") for name in wide)
