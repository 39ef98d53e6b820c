"""A real browser shows the page: drawn, sorted, heard, and without asking anybody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import opened, requests, specifications

from earmark.config.common import Report
from earmark.report import page
from earmark.report.summary import summarize
from earmark.systems.pruning.report import wrong

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

SETTINGS = Report(wrong_answers=6, audio_mb=2, audio_s=2.0)
HOSTILE = "</script><script>document.title='owned'</script><img src=http://evil.test/x onerror=alert(1)>"
ENDLESS = "x" * 4000
RIGHT_TO_LEFT = "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"
EMOJI = "\U0001f3b7\U0001f469\u200d\U0001f3a4"


@pytest.fixture
def drawn(
    results: list[Path],
    timing: Path,
    pack_clips: Callable[..., Path],
    write_probe: Callable[..., Path],
    tmp_path: Path,
) -> Callable[..., Path]:
    """Draw a page of the given results and more, with sound."""

    def draw(*more: Path) -> Path:
        data = pack_clips(tmp_path / "data", "genres", 40)
        table = summarize([*results, timing, write_probe(tmp_path / "probe.json"), *more])
        path = tmp_path / "report.html"
        wrong.write(wrong.collect(table, data, SETTINGS), tmp_path / wrong.NAME)
        path.write_text(page.build(table, [tmp_path / wrong.NAME]))
        return path

    return draw


def complaints(browser: Chrome) -> list[dict[str, Any]]:
    return [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]


def test_every_chart_is_drawn_and_nobody_is_asked(browser: Chrome, drawn: Callable[..., Path]) -> None:
    path = drawn()
    opened(browser, path)
    assert complaints(browser) == []
    assert requests(browser) <= {"file", "data"}
    assert browser.title == "earmark: results"
    marks = browser.execute_script(
        "return [...document.querySelectorAll('.chart')].map("
        "c => c.querySelectorAll('svg [role=graphics-symbol], svg .mark-rect path').length)"
    )
    assert len(marks) == len(specifications(path.read_text())) > 8
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


def test_hovering_tells_samples_interval_and_origin(browser: Chrome, drawn: Callable[..., Path]) -> None:
    from selenium.webdriver import ActionChains

    opened(browser, drawn())
    mark = browser.find_element("css selector", ".chart svg .mark-symbol path")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    ActionChains(browser).move_to_element(mark).perform()
    text = browser.find_element("id", "vg-tooltip-element").text
    assert "samples" in text and "[" in text and "genres_" in text and "code c0de" in text


def test_a_hint_is_read_without_a_mouse_too(browser: Chrome, drawn: Callable[..., Path]) -> None:
    opened(browser, drawn())
    said = browser.execute_script(
        "const cell = document.querySelector('#all td [title]'); cell.focus();"
        "return [getComputedStyle(cell, '::after').content, cell.title]"
    )
    assert said[1] and said[0].strip('"') == said[1]


def settled(browser: Chrome, element: WebElement) -> None:
    """Bring an element into sight and wait until it stays there: what is drawn above may be higher than guessed."""
    place, end = None, time.monotonic() + 120
    while place != (place := (move(browser, element), browser.execute_script("return scrollY"))):
        assert time.monotonic() < end, "the page goes on moving"
        time.sleep(0.3)


def move(browser: Chrome, element: WebElement) -> float:
    """Bring an element to the middle of the window; returns where its top is then."""
    script = "arguments[0].scrollIntoView({block: 'center'}); return arguments[0].getBoundingClientRect().top"
    return float(browser.execute_script(script, element))


def test_tables_sort_and_filter_by_keyboard_too(browser: Chrome, drawn: Callable[..., Path]) -> None:
    opened(browser, drawn())
    heads = browser.find_elements("css selector", "#all th button")
    score = next(head for head in heads if head.text == "score")
    place = [head.text for head in heads].index("score") + 1

    def column() -> list[float]:
        shown = browser.find_elements("css selector", f"#all tbody tr:not([hidden]) td:nth-child({place})")
        return [float(cell.text.split()[0]) for cell in shown]

    settled(browser, score)
    score.click()
    assert column() == sorted(column())
    assert score.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    score.send_keys("\ue007")  # Enter
    assert column() == sorted(column(), reverse=True)
    assert len(column()) == 7
    browser.find_element("css selector", "#all input").send_keys("dart-l2")
    assert len(column()) == 2
    assert browser.find_element("css selector", "#all [role=status]").text == "2 of 7 rows"


def test_sound_plays(browser: Chrome, drawn: Callable[..., Path]) -> None:
    opened(browser, drawn())
    assert len(browser.find_elements("css selector", "#wrong audio")) == 6
    browser.execute_script("window.heard = document.querySelector('#wrong audio'); heard.muted = true")
    browser.find_element("css selector", "#wrong audio").send_keys(" ")  # the space bar plays
    end = time.monotonic() + 120
    while not browser.execute_script("return heard.currentTime > 0.2 && heard.readyState >= 2"):
        assert time.monotonic() < end, browser.execute_script("return heard.error && heard.error.message")
        time.sleep(0.05)
    assert browser.execute_script("return heard.duration") == pytest.approx(2, abs=0.1)
    assert complaints(browser) == []


def test_hostile_labels_and_answers_are_text_and_break_nothing(
    browser: Chrome, drawn: Callable[..., Path], write_result: Callable[..., Path], tmp_path: Path
) -> None:
    more = []
    for i, evil in enumerate((HOSTILE, ENDLESS, RIGHT_TO_LEFT, EMOJI)):
        classes = ("blues", "classical", "jazz", evil)
        given = {"classes": classes, "answer": evil, "model": evil, "accuracy": 0.2, "note": evil}
        more += [write_result(tmp_path / f"{i}.json", **given)]
        more += [write_result(tmp_path / f"{i}d.json", "dart", 0.5, **given)]
    opened(browser, drawn(*more))
    assert complaints(browser) == []
    assert requests(browser) <= {"file", "data"}
    assert browser.title == "earmark: results"
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    text = browser.execute_script("return document.querySelector('#wrong').textContent")
    assert all(evil in text for evil in (HOSTILE, ENDLESS, RIGHT_TO_LEFT, EMOJI))
    browser.set_window_size(1400, 900)
    wide = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert browser.execute_script(wide), "a long word widens the page"


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (390, "dark"), (1400, "light"), (1400, "dark")]
)
def test_it_fits_phones_and_desks_in_light_and_dark(
    browser: Chrome, drawn: Callable[..., Path], width: int, scheme: str
) -> None:
    phone = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        opened(browser, drawn())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        page_, ink = browser.execute_script(
            "const s = getComputedStyle(document.body);"
            "return [s.backgroundColor, s.color].map(c => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3)"
        )
        assert abs(page_ - ink) > 150 and (page_ > ink) == (scheme == "light")
        assert complaints(browser) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_prints(browser: Chrome, drawn: Callable[..., Path]) -> None:
    opened(browser, drawn())
    made = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert len(made["data"]) > 50_000


def chosen(browser: Chrome, selector: str, text: str) -> None:
    """Choose an option of a select as a reader does."""
    browser.execute_script(
        "const [selector, text] = arguments, select = document.querySelector(selector);"
        "select.value = [...select.options].find(option => option.text === text).value;"
        "select.dispatchEvent(new Event('change', {bubbles: true}))",
        selector,
        text,
    )


def shown(browser: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].filter(e => e.offsetParent).map(e => e.textContent)"
    return list(browser.execute_script(script, selector))


def test_the_first_screen_holds_sentences_and_one_table_that_switches_change(
    browser: Chrome, drawn: Callable[..., Path]
) -> None:
    opened(browser, drawn())
    assert any("of the audio tokens" in text for text in shown(browser, ".sentences li"))
    assert len(shown(browser, "[data-system=pruning] .pivoted")) == 1
    top = browser.execute_script("return document.querySelector('.pivoted').getBoundingClientRect().bottom")
    assert top < 900, "the table ends on the first screen"
    before = shown(browser, "[data-system=pruning] .pivoted td")
    chosen(browser, "[data-switch=shown]", "prefill time")
    after = shown(browser, "[data-system=pruning] .pivoted td")
    assert len(shown(browser, "[data-system=pruning] .pivoted")) == 1
    assert before != after and any("ms" in text for text in after)


def test_a_filter_is_obeyed_by_tables_charts_and_sections(
    browser: Chrome, drawn: Callable[..., Path], write_result: Callable[..., Path], tmp_path: Path
) -> None:
    more = [
        write_result(tmp_path / "results" / f"moods_{method}_{ratio}.json", method, ratio, task="moods")
        for method, ratio in (("base", 1.0), ("dart", 0.5))
    ]
    opened(browser, drawn(*more))
    assert {"genres", "moods"} <= set(shown(browser, "#all td:first-child"))
    chosen(browser, "#filters label:nth-of-type(2) select", "moods")
    assert set(shown(browser, "#all td:first-child")) == {"moods"}
    assert [title for title in shown(browser, "h3.section") if "genres" in title] == []
    chosen(browser, "#filters label:nth-of-type(2) select", "all")
    chosen(browser, "#filters label:nth-of-type(3) select", "dart")
    assert set(shown(browser, "#all tbody td:nth-child(2)")) == {"base", "dart"}
    end = time.monotonic() + 120
    while time.monotonic() < end:
        text = browser.execute_script("return document.querySelector('.chart').innerHTML")
        if "random" not in text and "dart" in text:
            assert not [entry for entry in complaints(browser) if entry["level"] == "SEVERE"]
            return
        time.sleep(0.05)
    raise AssertionError("the chart still shows a method that was filtered out")


def test_a_cell_leads_to_the_samples_of_both_runs_and_tables_are_copied(
    browser: Chrome, drawn: Callable[..., Path]
) -> None:
    opened(browser, drawn())
    browser.execute_script("document.querySelector('td[data-result*=\"random_0.5\"]').click()")
    heads = shown(browser, "#pairs thead th")
    assert heads[2:4] == ["base", "random 50 %"]
    rows = shown(browser, "#pairs tbody tr")
    assert rows and all(("✓" in row) or ("✗" in row) for row in rows)
    browser.execute_script(
        "const points = [...document.querySelectorAll('.chart .mark-symbol path')];"
        "points.find(p => p.__data__.datum.result?.includes('dart-l2_0.5'))"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert shown(browser, "#pairs thead th")[2:4] == ["base", "dart-l2 50 %"]
    chosen(browser, "[data-pick=which]", "left right, right wrong")
    assert all("✓" in row and "✗" in row for row in shown(browser, "#pairs tbody tr"))
    browser.execute_script("document.querySelector('[data-pivot] [data-copy]').click()")
    end = time.monotonic() + 120
    while not (copied := browser.execute_script("return document.body.dataset.copied")):
        assert time.monotonic() < end
    lines = copied.splitlines()
    assert lines[0].startswith("method,100 %,50 %") and any(line.startswith("dart-l2,") for line in lines)


def test_a_keyboard_reaches_the_results_and_the_hints_without_a_stop_for_each(
    browser: Chrome, drawn: Callable[..., Path]
) -> None:
    opened(browser, drawn())
    stops = browser.execute_script(
        "return [...document.querySelectorAll('a, button, select, input, summary, audio, [tabindex]')]"
        ".filter(e => e.tabIndex >= 0 && e.offsetParent).map(e => e.closest('.sortable, [data-pivot], nav, #filters')"
        " ? 'part' : e.tagName)"
    )
    assert stops.count("TD") == stops.count("SPAN") == 0, "hints are reached by arrow keys"
    region = "document.querySelector('#all [role=region]')"
    browser.execute_script(
        f"{region}.focus(); {region}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'ArrowDown', bubbles: true}}))"
    )
    assert browser.execute_script("return document.activeElement.title")
    order = browser.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])"
    )
    assert order[0] == 1 and all(b - a <= 1 for a, b in zip(order, order[1:], strict=False)), (
        "no level is left out"
    )
    assert len(browser.find_elements("css selector", "main")) == 1
    assert browser.find_elements("css selector", "a.skip")


def test_without_javascript_every_table_is_there(browser: Chrome, drawn: Callable[..., Path]) -> None:
    path = drawn()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(path.as_uri())
        time.sleep(1)
        tables = [each for each in browser.find_elements("css selector", ".pivoted") if each.is_displayed()]
        assert len(tables) == len(browser.find_elements("css selector", ".pivoted")) > 3
        assert not any(each.is_displayed() for each in browser.find_elements("css selector", ".scripted"))
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_phone_shows_score_and_difference_without_scrolling_sideways(
    browser: Chrome, drawn: Callable[..., Path]
) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened(browser, drawn())
        heads = shown(browser, "#all thead th")
        assert heads == ["task", "method", "kept, asked", "score", "difference to base"]
        right = browser.execute_script(
            "return Math.max(...[...document.querySelectorAll('#all tbody tr:nth-child(-n+7) td')]"
            ".filter(e => e.offsetParent).map(e => e.getBoundingClientRect().right))"
        )
        assert right <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_of_a_long_table_the_first_rows_are_shown_and_all_of_them_copied(
    browser: Chrome, drawn: Callable[..., Path], write_result: Callable[..., Path], tmp_path: Path
) -> None:
    more = [write_result(tmp_path / f"{i}.json", "dart", (i + 1) / 240, n=8) for i in range(229)]
    more.append(write_result(tmp_path / "moods.json", task="moods"))
    opened(browser, drawn(*more))
    status = browser.find_element("css selector", "#all [role=status]")
    assert status.text == "237 of 237 rows, the first 200 shown"
    assert len(shown(browser, "#all tbody tr")) == 200
    chosen(browser, "#filters label:nth-of-type(2) select", "moods")
    assert status.text == "1 of 237 rows" and shown(browser, "#all tbody td:first-child") == ["moods"]
    chosen(browser, "#filters label:nth-of-type(2) select", "all")
    browser.execute_script("document.querySelector('#all [data-copy]').click()")
    end = time.monotonic() + 120
    while len(browser.execute_script("return document.body.dataset.copied || ''").splitlines()) != 238:
        assert time.monotonic() < end
    browser.execute_script("document.querySelector('#all [role=status] + button').click()")
    assert len(shown(browser, "#all tbody tr")) == 237


def test_at_1400_pixels_no_table_is_cut(browser: Chrome, drawn: Callable[..., Path]) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        opened(browser, drawn())
        browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        cut = browser.execute_script(
            "return [...document.querySelectorAll('.sortable > .scroll, .pivot .scroll')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.ariaLabel)"
        )
        assert cut == []
        heads = shown(browser, "#all thead th")
        assert "sample set" not in heads and "time per clip" in heads
        browser.execute_script("document.querySelector('#all [data-whole]').click()")
        assert "sample set" in shown(browser, "#all thead th")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
