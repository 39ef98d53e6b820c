"""What makes no sense ends in one line, or is drawn and printed without harm."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from made import completed, tone

from earmark.core.errors import UserError
from earmark.data.sources import list as lists
from earmark.data.sources import tars
from earmark.report import charts
from earmark.report.drawing import drawn
from earmark.report.exported import latex
from earmark.report.figures import Cell, Table
from earmark.reproduction.surroundings import folders_elsewhere

HUGE = "1" + "0" * 400


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f'{{"file": "0.wav", "label": "x", "start_s": {HUGE}}}', "is no number of seconds"),
        (f'{{"file": "0.wav", "label": "x", "start_s": {"1" * 5000}}}', "is not readable"),
        ('{"file": "0.wav", "label": {"a": 1}}', "'label' is an object or a list"),
        ('{"file": "0.wav", "label": [["x"]]}', "'label' is an object or a list"),
        ('{"file": "0.wav", "label": NaN}', "'label' is no number"),
        ('{"file": "0.wav", "label": "a\\u0000b"}', "'label' is no text"),
    ],
)
def test_values_of_a_list_that_can_be_no_labels_or_times(tmp_path, row, message):
    (tmp_path / "0.wav").write_bytes(tone())
    (tmp_path / "list.json").write_text(f"[{row}]")
    source = completed(kind="list", root=str(tmp_path), lists={"test": "list.json"})
    with pytest.raises(UserError, match=message) as told:
        list(lists.collect(source, tmp_path, 0, 1))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("label", ["NaN", '["a", {"b": 1}]', '"a\\u0000"', "Infinity"])
def test_a_sample_whose_label_can_be_none_is_failed(tmp_path, label):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, content in {"a.wav": tone(), "a.json": f'{{"label": {label}}}'.encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    source = completed(kind="tars", root=str(tmp_path), splits={"test": "a.tar"})
    (clip,) = tars.collect(source, tmp_path / "out", 0, 1)
    assert clip.reason.startswith("bad metadata ('label' is ")


@pytest.mark.parametrize("name", ["a\u2028b", "a\u2029b", "constructor", "__proto__", "</script>", "{{7*7}}"])
def test_a_chart_of_any_label_is_drawn(name):
    rows = [{"label": name, "value": 1.0}, {"label": "plain", "value": 2.0}]
    chart = (
        charts.plot(rows)
        .mark_point()
        .encode(
            x="value:Q",
            y=charts.alt.Y("label:N", sort=[name, "plain"]),
            color=charts.alt.Color(
                "label:N", scale=charts.alt.Scale(domain=[name, "plain"], range=["#111", "#222"])
            ),
        )
    )
    specification = charts.fitted(chart, 100) | {"width": 300}
    # As it stands in a page, and as an exported picture.
    assert "\u2028" not in json.dumps(specification, ensure_ascii=False)
    assert b">plain<" in drawn(specification, "svg")


@pytest.mark.parametrize("text", ["[5pt] x", "*star", " [x"])
def test_a_cell_is_never_the_argument_of_the_row_before(text):
    made = latex(Table("t", ["a", "b"], [[Cell(text), Cell("1")]]))
    (line,) = [line for line in made.splitlines() if line.endswith(r"& 1 \\")]
    assert line.startswith("{}")


def test_a_record_that_names_folders_elsewhere_says_so(tmp_path):
    source = {"kind": "folder", "root": "/home/somebody", "table": "list.csv"}
    assert folders_elsewhere({"tasks": {"x": {"data": {"source": source}}}}, tmp_path) == ["/home/somebody"]
    assert folders_elsewhere({"source": {"root": "../there", "lists": "a/b.csv"}}, tmp_path) == ["../there"]
    assert folders_elsewhere({"source": {"root": str(tmp_path / "mine"), "absolute": True}}, tmp_path) == [
        "/"
    ]
    assert folders_elsewhere({"question": "What?\n/ or not", "url": "https://host/{id}"}, Path("/x")) == []
