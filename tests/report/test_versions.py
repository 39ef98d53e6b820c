"""Results made with other versions of packages that make numbers are marked, and not compared in silence."""

from __future__ import annotations

import json
from pathlib import Path

from earmark.core import versions
from earmark.core.places import ROOT
from earmark.report.overview import differing_versions
from earmark.report.summary import summarize


def difference_rows(results: list[Path]) -> set[str]:
    table = summarize(results)
    return set(table.loc[table["metric"] == "difference_to_base", "result"])


def test_a_result_of_another_version_is_not_compared_with_base(results: list[Path]) -> None:
    compared = difference_rows(results)
    path = next(path for path in results if str(path) in compared)
    record = json.loads(path.read_text())
    record["provenance"]["packages"]["torch"] = "0-test+cpu"
    path.write_text(json.dumps(record))
    assert difference_rows(results) == compared, "a build of the same version is that version"
    record["provenance"]["packages"]["torch"] = "1-test"
    path.write_text(json.dumps(record))
    assert difference_rows(results) == compared - {str(path)}
    table = summarize(results)
    assert set(table.loc[table["result"] == str(path), "packages"]) == {"numpy 0-test, torch 1-test"}


def test_the_page_names_the_packages_that_differ_and_no_others():
    rows = [{"packages": "numpy 2, torch 1"}, {"packages": "numpy 2, torch 3"}, {"packages": None}]
    assert differing_versions(rows) == ["torch 1", "torch 3", ""]
    assert differing_versions(rows[:1]) == [""]


def test_an_environments_pins_are_those_of_packages_that_make_numbers():
    pins = versions.pinned(ROOT / "envs" / "audio.yaml")
    assert {"soundfile", "soxr", "numpy"} <= pins.keys() and "tqdm" not in pins
    assert versions.told({"b": "2", "a": "1+cpu"}) == "a 1, b 2"
