"""Results made with other versions of packages that make numbers are marked, and not compared in silence."""

from __future__ import annotations

import json
from pathlib import Path

from probe_record import fake_probe
from tagged_results import fake_tagged

from earmark.core import versions
from earmark.core.places import ROOT
from earmark.report import page
from earmark.report.overview import differing_versions
from earmark.report.summary import summarize
from earmark.systems.embeddings.report.sections import sections


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


def tagged_differences(paths: list[Path]) -> set[str]:
    table = summarize(paths)
    return set(table.loc[table["metric"] == "difference_to_unmerged", "result"])


def test_students_of_other_versions_are_not_compared_and_the_table_says_so(tmp_path: Path) -> None:
    paths = [fake_tagged(tmp_path / "results/tagging", r=r) for r in (0, 8, 16)]
    assert tagged_differences(paths) == {str(path) for path in paths[1:]}
    assert "Results of other versions" not in page.build(summarize(paths))
    record = json.loads(paths[2].read_text())
    for made in (record["provenance"], next(iter(record["provenance"]["runs"].values()))["student"]):
        before = made.get("packages", {})
        made["packages"] = before | {"torch": "0-test"}
        paths[2].write_text(json.dumps(record))
        assert tagged_differences(paths) == {str(paths[1])}
        made["packages"] = before
    record["provenance"]["packages"]["torch"] = "0-test"
    paths[2].write_text(json.dumps(record))
    text = page.build(summarize(paths))
    assert "Results of other versions" in text and "plain at r 16 with torch 0-test" in text


def test_probes_of_other_versions_are_marked(tmp_path: Path) -> None:
    records = {}
    for version in ("1", "2"):
        path = fake_probe(tmp_path / f"{version}.json")
        records[str(path)] = record = json.loads(path.read_text())
        record["provenance"] |= {"packages": {"scikit-learn": version, "numpy": "2"}}

    class Some:
        def records(self, *kind: str) -> dict[str, dict]:
            return records

    facts = [section.facts[-1] for section in sections(Some())]  # type: ignore[arg-type]
    assert facts == ["made with scikit-learn 1", "made with scikit-learn 2"]
    record["provenance"]["packages"]["scikit-learn"] = "1"
    facts = [section.facts[-1] for section in sections(Some())]  # type: ignore[arg-type]
    assert facts == ["seed 0", "seed 0"]


def test_the_page_names_the_packages_that_differ_and_no_others():
    rows = [{"packages": "numpy 2, torch 1"}, {"packages": "numpy 2, torch 3"}, {"packages": None}]
    assert differing_versions(rows) == ["torch 1", "torch 3", ""]
    assert differing_versions(rows[:1]) == [""]


def test_an_environments_pins_are_those_of_packages_that_make_numbers():
    pins = versions.pinned(ROOT / "envs" / "audio.yaml")
    assert {"soundfile", "soxr", "numpy"} <= pins.keys() and "tqdm" not in pins
    assert versions.told({"b": "2", "a": "1+cpu"}) == "a 1, b 2"
