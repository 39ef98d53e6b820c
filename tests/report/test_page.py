"""The page: what it says, from files to one file."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import warm
from browsing import specifications, visible

from earmark.config.common import Report
from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.report import overview, page
from earmark.report.points import points
from earmark.report.summary import summarize
from earmark.systems.pruning.report import wrong
from earmark.systems.pruning.report.charts import looks

HOSTILE = "</script><script>document.title='owned'</script><img src=http://evil.test/x>"
BANNER = "shows the machine works, says nothing about real models"


def html(results: Sequence[Path], *others: Path) -> str:
    return page.build(summarize([*results, *others]))


def test_scripts_run_from_files_to_one_small_page(
    results: list[Path], timing: Path, write_probe: Callable[..., Path], tmp_path: Path
) -> None:
    probe = write_probe(tmp_path / "results" / "probe.json")
    summary, answers = tmp_path / "summary.parquet", tmp_path / wrong.NAME
    csv, made = str(tmp_path / "summary.csv"), tmp_path / "report.html"
    settings = json.dumps({"wrong_answers": 4, "audio_mb": 2, "audio_s": 1})
    rest = ["--settings", settings, "--data", str(tmp_path)]
    for words in (
        ["summarize.py", "--results", str(tmp_path / "results"), "--csv", csv, "--parquet", str(summary)],
        ["wrong_answers.py", "--summary", str(summary), *rest, "--output", str(answers)],
        ["report.py", "--summary", str(summary), "--file", str(answers), "--output", str(made)],
    ):
        subprocess.run([warm.python(), str(SCRIPTS / words[0]), *words[1:]], check=True, capture_output=True)
    content = made.read_bytes()
    assert len(content) < 10_000_000
    assert content.count(b'<div class="sample" ') == 4
    without = made.with_name("without.html")
    page.write(summary, [], without)
    assert without.read_text() == html(results, timing, probe), "the same files make the same page"


def test_embedded_results_say_so_and_real_ones_do_not(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    toy, real = write_result(tmp_path / "toy.json"), write_result(tmp_path / "real.json", labels=())
    assert visible(html([toy])).count(BANNER) == 2  # on top and at the section
    assert BANNER not in visible(html([real]))
    both = visible(html([toy, real]))
    assert both.count(BANNER) == 2
    assert "Where marked so: demo model / synthetic data" in both


def test_a_small_model_of_real_weights_is_not_called_a_stand_in(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    small = visible(html([write_result(tmp_path / "small.json", labels=("small",))]))
    assert small.count("real weights, small model: says nothing about larger models") == 2
    assert BANNER not in small


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
    assert text.count('<h3 class="section">Test data: genres</h3>') == 4
    assert text.count("<h4>Accuracy when pruned before layer 0") == 4
    assert text.count("<h4>Accuracy when pruned before layer 2") == 1


def test_a_timing_beside_other_jobs_says_so(results: list[Path], timing: Path) -> None:
    assert "beside other jobs" not in html([*results, timing])
    timing.write_text(json.dumps(json.loads(timing.read_text()) | {"clock": "processor", "alone": False}))
    facts = re.findall(r"<bdi>([^<]*)</bdi>", html([*results, timing]))
    assert facts[facts.index("processor time") + 1] == "beside other jobs"


def test_remarks_tell_a_forced_layer_missing_answers_and_a_missing_base(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    note = "needs attention of a layer before it: layer 1, not 0"
    text = html([write_result(tmp_path / "a.json", "fastv", 0.5, layer=1, note=note, failed=1)])
    assert f"fastv: {note}" in text
    assert "Samples without an answer are left out: fastv." in text
    assert "There is no unpruned run (base)" in text


def test_runs_on_other_samples_or_threads_are_named(
    write_result: Callable[..., Path], tmp_path: Path
) -> None:
    base = write_result(tmp_path / "base.json")
    fewer = write_result(tmp_path / "dart.json", "dart", 0.5, failed=3)
    record = json.loads(fewer.read_text())
    record["timing"]["threads"] = 16
    fewer.write_text(json.dumps(record))
    text = visible(html([base, fewer]))
    assert re.search(r"Not scored on exactly the samples of base [^<]*: dart 50 %\.", text)
    assert "Times here were measured with different threads: 16, 2." in text


def test_results_that_cannot_be_paired_are_named(write_result: Callable[..., Path], tmp_path: Path) -> None:
    base = write_result(tmp_path / "base.json")
    classes = ("blues", "classical", "jazz", "folk")
    other = write_result(tmp_path / "dart.json", "dart", 0.5, classes=classes)
    assert "without a difference to it: dart (" in html([base, other])


def test_table_tells_corrected_differences_and_where_none_is_shown(results: list[Path]) -> None:
    text = visible(html(results)).replace("\u00a0", " ")
    cells = re.findall(
        r"<span[^>]*>[+\u2212]?\d+\.\d points \[([^\]]+)\], p ([=<]) ([\d.e-]+)(?:, corrected (< )?([\d.e-]+))?"
        r"(: no difference shown)?<",
        text,
    )
    assert len(cells) == 6
    for ends, sign, raw, tiny, corrected, verdict in cells:
        least = tiny or (sign == "<" and not corrected)
        assert bool(verdict) == (not least and float(corrected or raw) >= 0.05)
        low, high = (float(end.replace("\u2212", "-")) for end in ends.split(", "))
        assert verdict or low > 0 or high < 0, "a difference that is shown has an interval without 0"
    assert text.count("before correction for 6 comparisons") == 6


def test_hostile_texts_are_shown_as_text(write_result: Callable[..., Path], tmp_path: Path) -> None:
    classes = ("blues", "classical", "jazz", HOSTILE)
    base = write_result(tmp_path / "a.json", classes=classes, task=HOSTILE, model=HOSTILE, accuracy=0.2)
    text = html([base])
    assert HOSTILE not in text
    assert "&lt;/script&gt;&lt;script&gt;document.title" in text
    assert any(HOSTILE in json.dumps(each) for each in specifications(text))


def test_files_that_changed_or_went_since_the_summary_are_named(results: list[Path]) -> None:
    table = summarize(results)
    results[1].write_text(results[1].read_text() + " ")
    with pytest.raises(UserError, match=f"{results[1]} has changed since the summary"):
        page.build(table)
    results[1].unlink()
    with pytest.raises(UserError, match="is gone since"):
        page.build(table)


def test_something_else_than_a_summary_is_refused(results: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a summary table"):
        page.write(results[0], [], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_files_left_out_are_listed(results: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "results" / "other.json"
    other.write_text('{"accuracy": 1}')
    text = visible(html([*results, other]))
    assert "Files left out" in text and str(other) in text
    assert "Files left out" not in visible(html(results))


def test_a_method_keeps_its_colour_and_variants_differ_in_shape() -> None:
    few = looks({"base": "base", "dart": "dart", "random": "random"})
    many = looks({name: name.partition("-")[0] for name in ("dart", "random", "dart-l2", "zebra", "ant")})
    assert few["dart"] == many["dart"]
    assert many["dart"].colour == many["dart-l2"].colour
    assert many["dart"].shape != many["dart-l2"].shape
    assert len({look.colour for name, look in many.items() if "-" not in name}) == 4


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


def test_every_chart_tells_samples_interval_and_origin_on_hovering(
    results: list[Path], timing: Path, write_probe: Callable[..., Path], tmp_path: Path
) -> None:
    text = html([*results, timing], write_probe(tmp_path / "probe.json"))
    hovered = [re.findall(r'"title": "([^"]*)"', json.dumps(s)) for s in specifications(text)]
    for titles in hovered:
        counted = {"samples", "repeats", "test clips", "clips", "clip"} & set(titles)
        assert counted, titles
        assert "from" in titles or "clip" in titles or "length" in titles, titles


def test_a_table_has_no_empty_columns_and_says_counts_that_are_alike_once(results: list[Path]) -> None:
    table = overview.table(points(summarize(results)))
    columns = table.columns
    beside = columns.index("score") + 1
    assert columns[beside : beside + 2] == ("n", "failed")
    assert any("unparsed 0, truncated 0, skipped 0" in note for note in table.notes)
    assert "kept, asked" in columns and "r" not in columns


def test_the_unpruned_model_tells_samples_interval_and_origin_too(results: list[Path]) -> None:
    for chart in specifications(html(results))[:3]:
        drawn = [row for rows in chart["datasets"].values() for row in rows] if "datasets" in chart else []
        drawn += [row for layer in chart["layer"] for row in layer.get("data", {}).get("values", [])]
        base = [row for row in drawn if row.get("method") == "base" and row.get("made")]
        assert base and all({"n", "score", "low", "high"} <= set(row) for row in base)


def test_where_numbers_come_from_stays_short(results: list[Path]) -> None:
    for i, path in enumerate(results):
        record = json.loads(path.read_text())
        record["provenance"] |= {"code": f"digest{i}", "cell": f"ce11{i}"}
        record["provenance"]["model"]["origin"] = {"trained": {"seed": 0}}
        path.write_text(json.dumps(record))
    text = visible(html(results)).partition('<section id="provenance">')[2]
    assert re.search(r"digest\d.*<details><summary>1 more</summary>.*digest\d", text, flags=re.DOTALL)
    assert "torch 0-test, numpy 0-test" in text and "ce11" not in text
    shown, _, how = text.partition("How models were made")
    assert "model.origin" in how and "model.origin" not in shown


def test_an_empty_answer_is_said_to_be_empty(write_result: Callable[..., Path], tmp_path: Path) -> None:
    table = summarize([write_result(tmp_path / "a.json", answer="", accuracy=0.2)])
    answers = wrong.collect(table, tmp_path, Report(wrong_answers=2, audio_mb=0, audio_s=1))
    wrong.write(answers, tmp_path / wrong.NAME)
    assert visible(page.build(table, [tmp_path / wrong.NAME])).count("(nothing)") == 1


def test_what_every_row_has_is_said_once(write_result: Callable[..., Path], tmp_path: Path) -> None:
    made = [write_result(tmp_path / f"{i}.json", device=device) for i, device in enumerate(("cpu", "cpu"))]
    whole = overview.table(points(summarize(made)))
    assert "device" not in whole.columns
    assert any("The same in every row: " in note and ", device cpu, seed 0, " in note for note in whole.notes)
    other = write_result(tmp_path / "other.json", device="cuda")
    assert "device" in overview.table(points(summarize([*made, other]))).columns
