"""The page: what it says, and that a browser shows it without asking anybody else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from earmark.errors import UserError
from earmark.provenance import SCRIPTS
from earmark.report import page
from earmark.report.charts import looks
from earmark.report.tables import read_probes, read_results, read_timings, summarize

sys.path.insert(0, str(Path(__file__).parent))

from browsing import opened, requests, specifications, visible  # noqa: E402

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

HOSTILE = "</script><script>document.title='owned'</script><img src=http://evil.test/x>"
BANNER = "shows the machine works, says nothing about real models"


def html(results: list[Path], timing: Path | None = None, probes: Sequence[Path] = ()) -> str:
    records, timings = read_results(results), read_timings([timing] if timing else [])
    return page.build(summarize(records, timings), records, timings, read_probes(probes))


def test_scripts_run_from_files_to_one_small_page(
    results: list[Path], timing: Path, write_probe: Callable[..., Path], tmp_path: Path
) -> None:
    probe = write_probe(tmp_path / "results" / "probe.json")
    given = [argument for path in results for argument in ("--result", str(path))]
    given += ["--timing", str(timing)]
    summary = tmp_path / "summary.parquet"
    for script, rest in (
        ("summarize.py", ["--csv", str(tmp_path / "summary.csv"), "--parquet", str(summary)]),
        (
            "report.py",
            ["--summary", str(summary), "--probe", str(probe), "--output", str(tmp_path / "report.html")],
        ),
    ):
        subprocess.run([sys.executable, str(SCRIPTS / script), *given, *rest], check=True)
    made = (tmp_path / "report.html").read_bytes()
    assert len(made) < 10_000_000
    assert made.decode() == html(results, timing, [probe]), "the same files make the same page, to the byte"


def test_embedded_results_say_so_and_real_ones_do_not(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    toy, real = write_result(tmp_path / "toy.json"), write_result(tmp_path / "real.json", labels=())
    assert visible(html([toy])).count(BANNER) == 2  # on top and at the section
    assert BANNER not in visible(html([real]))
    both = visible(html([toy, real]))
    assert both.count(BANNER) == 2
    assert "Where marked so: embedded model / synthetic data" in both


def test_labels_devices_and_layers_are_never_mixed_in_a_panel(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    paths = []
    kinds: list[dict[str, Any]] = [{}, {"labels": ()}, {"device": "cuda"}, {"layer": 2}, {"seed": 7}]
    for i, kind in enumerate(kinds):
        for method in ("base", "dart"):
            ratio = 1.0 if method == "base" else 0.5
            paths.append(write_result(tmp_path / f"{i}{method}.json", method, ratio, **kind))
    text = visible(html([path for path in paths if path.name != "3base.json"]))
    assert text.count("<h2>Test data: genres</h2>") == 4
    assert text.count("<h3>Accuracy when pruned before layer 0") == 4
    assert text.count("<h3>Accuracy when pruned before layer 2") == 1


def test_remarks_tell_a_forced_layer_missing_answers_and_a_missing_base(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    note = "needs attention of a layer before it: layer 1, not 0"
    text = html([write_result(tmp_path / "a.json", "fastv", 0.5, layer=1, note=note, failed=1)])
    assert f"fastv: {note}" in text
    assert "Samples without an answer are left out: fastv." in text
    assert "There is no unpruned run (base)" in text


def test_results_that_cannot_be_paired_are_named(write_result: Callable[..., Path], tmp_path: Path) -> None:
    base = write_result(tmp_path / "base.json")
    classes = ("blues", "classical", "jazz", "folk")
    other = write_result(tmp_path / "dart.json", "dart", 0.5, classes=classes)
    assert "without a difference to it: dart (" in html([base, other])


def test_table_tells_differences_and_where_none_is_shown(results: list[Path]) -> None:
    text = visible(html(results)).replace("\u00a0", " ")
    cells = re.findall(r"[+\u2212]\d+\.\d points \[[^\]]+\], p [=<] [^<]+<", text)
    assert len(cells) == 6
    for cell in cells:
        low, high = (float(x.replace("\u2212", "-")) for x in re.findall(r"[\u2212\d.]+(?=[,\]])", cell)[:2])
        if low != 0 != high:
            assert ("no difference shown" in cell) == (low < 0 < high)


def test_hostile_texts_are_shown_as_text(write_result: Callable[..., Path], tmp_path: Path) -> None:
    classes = ("blues", "classical", "jazz", HOSTILE)
    base = write_result(
        tmp_path / "a.json",
        answer=HOSTILE,
        classes=classes,
        task=HOSTILE,
        model=HOSTILE,
        accuracy=0.2,
    )
    text = html([base])
    assert HOSTILE not in text
    assert "&lt;/script&gt;&lt;script&gt;document.title" in text
    assert any(HOSTILE in json.dumps(each) for each in specifications(text))


def test_a_summary_of_other_results_is_refused(results: list[Path]) -> None:
    records = read_results(results)
    with pytest.raises(UserError, match="not made from exactly these results"):
        page.build(summarize(records[1:], {}), records, {})


def test_something_else_than_a_summary_is_refused(results: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a summary table"):
        page.write(results[0], results, [], [], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_method_keeps_its_colour_and_variants_differ_in_shape() -> None:
    few = looks({"base": "base", "dart": "dart", "random": "random"})
    many = looks({name: name.partition("-")[0] for name in ("dart", "random", "dart-l2", "zebra", "ant")})
    assert few["dart"] == many["dart"]
    assert many["dart"].colour == many["dart-l2"].colour
    assert many["dart"].shape != many["dart-l2"].shape
    assert len({look.colour for name, look in many.items() if "-" not in name}) == 4


def test_browser_draws_every_chart_and_asks_nobody(
    browser: Chrome,
    results: list[Path],
    timing: Path,
    write_result: Callable[..., Path],
    write_probe: Callable[..., Path],
    tmp_path: Path,
) -> None:
    classes = ("blues", "classical", "jazz", HOSTILE)
    probe = write_probe(tmp_path / "probe.json", dataset=HOSTILE, classes=classes)
    evil = write_result(tmp_path / "evil.json", classes=classes, model=HOSTILE, answer=HOSTILE)
    path = tmp_path / "report.html"
    path.write_text(html([*results, evil], timing, [probe]))
    opened(browser, path)
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    assert requests(browser) <= {"file", "data"}
    assert browser.title == "earmark: results"
    marks = browser.execute_script(
        "return [...document.querySelectorAll('.chart')].map("
        "c => c.querySelectorAll('svg [role=graphics-symbol], svg .mark-rect path').length)"
    )
    assert len(marks) == len(specifications(path.read_text())) > 0
    assert all(count > 0 for count in marks)
    curve, points = (
        browser.execute_script(
            "return [...arguments[0].querySelectorAll('svg .mark-symbol path')].map("
            "p => [p.getAttribute('aria-label'), p.getAttribute('fill-opacity')])",
            chart,
        )
        for chart in browser.find_elements("css selector", ".chart")[-2:]
    )
    assert [label.partition(";")[0] for label, _ in curve] == [
        f"layer, in the order of the network: {name}" for name in ("encoder.0", "encoder", "lm.0", "lm.10")
    ]
    assert len(points) == 40
    assert sum(float(filled) > 0 for _, filled in points) == 10, "test clips are filled"
    assert all("clip: clip" in label and "split: t" in label for label, _ in points)


def test_table_sorts_on_click_and_filters_on_text(
    browser: Chrome, results: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(html(results))
    opened(browser, path)
    heads = browser.find_elements("css selector", "#results th button")
    accuracy = next(head for head in heads if head.text == "accuracy")

    def column() -> list[float]:
        shown = browser.find_elements("css selector", "#results tbody tr:not([hidden]) td:nth-child(7)")
        return [float(cell.text.split()[0]) for cell in shown]

    accuracy.click()
    assert column() == sorted(column())
    accuracy.click()
    assert column() == sorted(column(), reverse=True)
    assert len(column()) == 7
    browser.find_element("id", "filter").send_keys("dart-l2")
    assert len(column()) == 2
    assert browser.find_element("id", "shown").text == "2 of 7 rows"


def test_a_transcription_task_shows_error_rates(
    tmp_path: Path, results: list[Path], write_transcripts: Callable[..., Path]
) -> None:
    made = [
        write_transcripts(tmp_path / "b.json"),
        write_transcripts(tmp_path / "r.json", "random", 0.5, 0.6),
    ]
    text = html([*results, *made])
    assert "Word error rate (lower is better) when pruned" in text
    assert re.search(r"WER \d+", visible(text))
    titles = json.dumps(specifications(text))
    assert '"word error rate (lower is better)"' in titles and '"title": "accuracy"' in titles
