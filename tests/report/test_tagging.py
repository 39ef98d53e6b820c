"""Students that tag audio, in the summary and on the page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from browsing import opened, specifications, visible
from scipy.stats import t
from tagged_results import fake_sweep, fake_tagged

from earmark.core.errors import UserError
from earmark.report import files, overview, page, summary
from earmark.report.material import Material
from earmark.report.points import points
from earmark.systems.tagging.report import results as tagged
from earmark.systems.tagging.report import sections as tagging


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "results"
    fake_sweep(folder / "tagging")
    return folder


@pytest.fixture(scope="module")
def table(sweep) -> pd.DataFrame:
    return summary.summarize(files.find(sweep))


def rows(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table["metric"] == metric].set_index(["recipe", "r"])


def test_the_summary_has_every_result_with_its_spread_over_seeds(table):
    found = rows(table, "mAP")
    assert len(found) == 10 and (found["seeds"] == 3).all()
    assert (found["seed_min"] <= found["value"]).all() and (found["value"] <= found["seed_max"]).all()
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()
    assert set(table["system"]) == {"tagging"}


def test_merged_students_are_paired_with_the_unmerged_the_baseline_and_labels_alone(table):
    value = rows(table, "mAP")["value"]
    unmerged = rows(table, "difference_to_unmerged")
    assert set(unmerged.index) == {(recipe, r) for recipe in ("plain", "kd") for r in ("4", "8", "16")}
    assert unmerged.loc[("kd", "8"), "value"] == pytest.approx(value["kd", "8"] - value["kd", "0"])
    baseline = rows(table, "difference_to_baseline")
    assert baseline.loc[("plain", "0"), "value"] == pytest.approx(
        value["plain", "0"] - value["plain-s16", "0"]
    )
    alone = rows(table, "difference_to_labels_alone")
    assert {recipe for recipe, _ in alone.index} == {"kd", "kd-s16"}
    assert alone.loc[("kd", "4"), "value"] == pytest.approx(value["kd", "4"] - value["plain", "4"])


def test_p_values_are_corrected_among_what_is_compared_with_the_same_result(sweep):
    found = tagged.differences(tagged.read((sweep / "tagging").glob("*_r*.json")))
    family = [row for (path, name), row in found.items() if name == tagged.UNMERGED and "_kd_" in path]
    assert {row["comparisons"] for row in family} == {3} == {len(family)}
    ranked = sorted(row["p_value"] for row in family)
    expected = np.maximum.accumulate([min(1.0, p * factor) for p, factor in zip(ranked, (3, 2, 1))])
    assert sorted(row["p_adjusted"] for row in family) == pytest.approx(list(expected))
    for row in family:  # what an interval that excludes 0 says, its own p-value says too
        assert (row["p_value"] < 0.05) == (row["low"] > 0 or row["high"] < 0)


def test_a_paired_interval_is_that_of_the_same_resamples(sweep):
    ours, theirs = tagged.read([sweep / "tagging/sounds_kd_r8.json", sweep / "tagging/sounds_kd_r0.json"])
    if ours.asked["r"] == "0":
        ours, theirs = theirs, ours
    found = tagged.difference(ours, theirs)
    drawn = ours.resampled - theirs.resampled
    half = t.ppf(0.975, found["n"] - 1) * drawn.std() * np.sqrt(found["n"] / (found["n"] - 1))
    assert (found["low"], found["high"]) == pytest.approx((found["value"] - half, found["value"] + half))
    alone = ours.record["metrics"]["mAP"]
    assert found["high"] - found["low"] < alone["high"] - alone["low"], "the same clips are hard for both"


def test_a_single_clip_that_changes_shows_no_difference(tmp_path):
    """Of 40 clips one more is right: resamples without it are as they were."""
    for r in (0, 8):
        fake_tagged(tmp_path, "plain", r, kind="single_label", seeds=(0,))
    first, second = tagged.read(tmp_path.glob("*.json"))
    rng = np.random.default_rng(0)
    drawn = pd.read_parquet(tmp_path / "sounds_plain_r0.resamples.parquet")
    drawn["accuracy"] += rng.poisson(1, len(drawn)) / 40
    drawn.to_parquet(tmp_path / "sounds_plain_r8.resamples.parquet")
    metric = second.record["metrics"]["accuracy"]
    metric["value"] = first.record["metrics"]["accuracy"]["value"] + 1 / 40
    found = tagged.difference(second, first)
    assert found["low"] <= 0 < found["high"] and found["p_value"] > 0.5


def test_results_on_other_clips_are_not_paired(tmp_path):
    fake_tagged(tmp_path / "results", "plain", 0)
    fake_tagged(tmp_path / "results", "plain", 8, n=39)
    found = summary.summarize(files.find(tmp_path / "results"))
    assert not found["metric"].str.startswith("difference").any()


def test_a_result_without_its_resamples_is_named(tmp_path):
    for r in (0, 8):
        fake_tagged(tmp_path / "results", "plain", r)
    (tmp_path / "results/sounds_plain_r8.resamples.parquet").unlink()
    with pytest.raises(UserError, match="sounds_plain_r8.resamples.parquet.*delete"):
        summary.summarize(files.find(tmp_path / "results"))


def test_the_chart_has_a_line_per_recipe_and_the_baselines_beside_it(table):
    (section,) = tagging.sections(Material(table))
    ((figure,),) = section.figures
    values = [row for part in figure.specification["datasets"].values() for row in part]
    drawn = {(row["recipe"], row["name"]) for row in values if "recipe" in row}
    lines = {(recipe, f"r{r}") for recipe in ("plain", "kd") for r in (0, 4, 8, 16)}
    assert drawn == lines | {("plain-s16", "16/16"), ("kd-s16", "16/16")}
    encodings = [layer["encoding"] for layer in figure.specification["layer"]]
    for axis, ends in (("y", ("low", "high")), ("x", ("speedup_low", "speedup_high"))):
        domains = [e[axis]["scale"]["domain"] for e in encodings if "scale" in e.get(axis, {})]
        assert all(domain == domains[0] for domain in domains)
        low, high = domains[0]
        assert all(low <= row[end] <= high for row in values if "recipe" in row for end in ends)
    baseline = next(row for row in values if row.get("recipe") == "plain-s16")
    assert baseline["speedup"] == 2.0, "the speed measured beside the recipe's own student"
    assert len(section.tables[0].lines) == 10


def test_a_clamped_schedule_is_marked_and_explained(tmp_path):
    fake_tagged(tmp_path / "results", "plain", 0)
    fake_tagged(tmp_path / "results", "plain", 16, clamped=True)
    table = summary.summarize(files.find(tmp_path / "results"))
    (section,) = tagging.sections(Material(table))
    assert any("r of 16 asks for more" in note for note in section.notes)
    assert [line[1].text for line in section.tables[0].lines] == ["0", "16*"]


def test_a_single_label_task_stands_by_its_accuracy(tmp_path):
    for r in (0, 8):
        fake_tagged(tmp_path / "results", "plain", r, kind="single_label")
    table = summary.summarize(files.find(tmp_path / "results"))
    (section,) = tagging.sections(Material(table))
    assert section.figures[0][0].title.startswith("Accuracy against speed-up")
    assert "at random 25.0\u00a0%" in section.facts


def test_the_page_draws_it_in_a_browser(table, tmp_path, browser):
    path = tmp_path / "page.html"
    path.write_text(page.build(table))
    drawn = opened(browser, path)
    assert "AST: quality against measured speed" in visible(path.read_text())
    assert len(specifications(path.read_text())) >= 1
    marks = drawn.execute_script("return document.querySelectorAll('.chart svg .mark-symbol path').length")
    assert marks >= 10
    assert "could not be drawn" not in drawn.find_element("tag name", "body").text


def test_the_table_of_all_results_tells_students_apart_by_their_r(table):
    whole = overview.table(points(table))
    recipe, r = (whole.columns.index(name) for name in ("recipe", "r"))
    assert "kept, asked" not in whole.columns, "nobody asked for a share"
    shown = [(line[recipe].text, line[r].text, line[r].key) for line in whole.lines]
    assert len(set(shown)) == len(shown) == 10
    assert [r for name, r, _ in shown if name == "kd"] == ["0", "4", "8", "16"]
