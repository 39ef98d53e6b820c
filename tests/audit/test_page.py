"""The audit's page: small, complete, drawn without asking anybody, hostile names as text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from browsing import opened, requests, specifications, visible
from planted import HOSTILE, SETTINGS, SHARDS, StandIn, clip, write

from earmark.data.audit import job, page, sounds

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture
def record(folder, monkeypatch):
    monkeypatch.setattr(sounds, "Sounds", StandIn)
    return job.audit("sounds", folder, SHARDS, replace(SETTINGS, title=HOSTILE), "")


def test_hostile_labels_reasons_and_titles_are_text(record):
    html = page.build(record)
    assert HOSTILE not in html
    assert "&lt;/script&gt;&lt;script&gt;document.title" in html
    assert any(HOSTILE in json.dumps(each) for each in specifications(html))


def test_every_finding_is_on_the_page_with_its_clips(record):
    text = visible(page.build(record))
    for finding in record["findings"]:
        if finding["count"] and HOSTILE not in finding["title"]:
            assert finding["title"] in text
            for item in finding["items"][: page.SHOWN]:
                assert all(f"<code>{c['clip_id']}</code>" in text for c in item["clips"])


def test_no_clip_or_nothing_measured_still_makes_a_page(tmp_path):
    bad = [clip(i, "test", "dog") for i in range(3)]
    for each in bad:
        each.fail("missing")
    folder = write(tmp_path, bad, {"test": 1})
    record = job.audit("sounds", folder, {"test": 1}, replace(SETTINGS, labels=["synthetic"]), "")
    text = visible(page.build(record))
    assert "0 usable clips of 3" in text and "Not measured: " in text
    assert "synthetic data: shows the machine works" in text


def test_many_findings_and_long_names_make_no_large_page(tmp_path):
    long = "x" * 5000
    clips = [
        clip(i, "test", f"label {i} {long}", licence="", clip_id=f"{i} {long}", source_id=[str(i)])
        for i in range(2500)
    ]
    record = job.audit("sounds", write(tmp_path, clips, {"test": 1}), {"test": 1}, SETTINGS, "")
    assert len(page.build(record).encode()) < 10_000_000
    (found,) = [f for f in record["findings"] if f["code"] == "no_licence"]
    assert (found["count"], len(found["items"])) == (2500, 1000)


def test_browser_draws_it_wide_and_narrow_and_asks_nobody(browser: Chrome, record, tmp_path):
    path = tmp_path / "audit.html"
    page.write(record, path)
    for width in (420, 1400):
        browser.set_window_size(width, 900)
        opened(browser, path)
        assert browser.title == "earmark: audit of sounds"
        marks = browser.execute_script(
            "return [...document.querySelectorAll('.chart')].map("
            "c => c.querySelectorAll('svg [role=graphics-symbol]').length)"
        )
        assert len(marks) == len(specifications(path.read_text())) == 2
        assert all(marks)
        assert browser.execute_script(
            "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), "wide tables scroll by themselves"
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    assert requests(browser) <= {"file", "data"}
