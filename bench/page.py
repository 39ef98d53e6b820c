"""What the summary and the page cost when results are many, and how fast a browser shows and filters it.

Made-up results of tests (schema-valid, their numbers from a random generator) of 20 tasks by 5 methods by 10
ratios, of one model for 1,020 results and of ten for 10,200; the browser is a headless Chromium by selenium,
left out where there is none.

    python bench/page.py [--quick]

A time of a filter is from the choice to the page laid out anew: at the top of the page, and with the table
of all results in sight. The last line is JSON: CPU seconds of the summary, anew and when nothing changed, and
of the page, its size, its first paint and the slowest choice of a filter. Wanted: 10 MB, 2 s, 200 ms.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import library
import typer

sys.path.insert(0, str(library.ROOT / "tests" / "report"))

from made_up import fake_result

from earmark.report import files, page, summary
from earmark.report.remembered import Remembered

TASKS, METHODS, STEPS = 20, ("dart", "fastv", "frame", "random", "tova"), 10
SAMPLES = 20
ROUNDS = 3
MODELS = (1, 10)
CHOOSE = """
const [kind, place] = arguments;
const labels = [...document.querySelectorAll("#filters label")];
const select = labels.find(each => each.textContent.startsWith(kind))?.querySelector("select");
if (!select) return 0;
document.querySelector(place).scrollIntoView();
document.body.offsetHeight;
select.selectedIndex = select.selectedIndex ? 0 : 1;
const start = performance.now();
select.dispatchEvent(new Event("change"));
document.body.offsetHeight;
return performance.now() - start;
"""
"""Chooses the first value of a filter, or all again; returns milliseconds until everything is laid out."""


def make(folder: Path, models: int, tasks: int) -> None:
    """Write the results."""
    for model in (f"model{i}" for i in range(models)):
        for task in (f"task{i}" for i in range(tasks)):
            given: dict[str, Any] = {"task": task, "model": model, "n": SAMPLES}
            fake_result(folder / model / f"{task}_base_1.0.json", **given, accuracy=0.9)
            for i, method in enumerate(METHODS):
                for ratio in (round(step / STEPS, 2) for step in range(STEPS)):
                    kept = ratio or 0.05
                    path = folder / model / f"{task}_{method}_{kept}.json"
                    fake_result(path, method, kept, **given, accuracy=0.4 + 0.04 * i + 0.4 * kept)


@contextmanager
def measured(found: dict[str, float], name: str) -> Iterator[None]:
    """Note the CPU seconds of what happens meanwhile."""
    start = time.process_time()
    yield
    found[name] = round(time.process_time() - start, 1)


def browsed(path: Path) -> dict[str, float]:
    """Return a page's first paint [s] and the slowest choice of a filter [ms]; nothing without a browser."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        print("no chromium and chromedriver: the page is not shown")
        return {}
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for word in ("--headless=new", "--no-sandbox", "--window-size=1400,900"):
        options.add_argument(word)
    browser = webdriver.Chrome(options=options, service=Service(driver))

    def wait() -> None:
        end = time.monotonic() + 60
        while browser.execute_script("return document.body.dataset.ready") != "yes":
            if time.monotonic() > end:
                sys.exit(f"error: {path} did not get ready within a minute")
            time.sleep(0.1)

    try:
        browser.get(path.as_uri())
        wait()
        paint = browser.execute_script("return performance.getEntriesByName('first-paint')[0].startTime")
        slowest = 0.0
        for place in ("h1", "#all table"):
            for kind in ("task", "model", "method"):
                # Chosen and taken back, some times; other work of the machine is in all but the best.
                taken: list[list[float]] = [[], []]
                for each in taken * ROUNDS:
                    each.append(float(browser.execute_script(CHOOSE, kind, place)))
                    wait()
                slowest = max(slowest, *map(min, taken))
        return {"first_paint_s": round(paint / 1000, 2), "filter_ms": round(slowest)}
    finally:
        browser.quit()


def measure(models: int, tasks: int, folder: Path) -> dict[str, float]:
    """Return what so many results cost."""
    make(folder / "results", models, tasks)
    paths = files.find(folder / "results")
    found: dict[str, float] = {"results": len(paths)}
    for name in ("summary_cpu_s", "summary_again_cpu_s"):
        with measured(found, name):
            table = summary.summarize(paths, memory=Remembered(folder / "memory"))
            summary.write(table, folder / "summary.csv", folder / "summary.parquet")
    with measured(found, "page_cpu_s"):
        page.write(folder / "summary.parquet", [], folder / "report.html")
    found["page_mb"] = round((folder / "report.html").stat().st_size / 1e6, 1)
    return found | browsed(folder / "report.html")


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run: 102 results")] = False,
    device: Annotated[str, typer.Option(help="cpu only; for the common command line")] = "cpu",
) -> None:
    """Measure 1,020 and 10,200 results."""
    metrics: dict[str, float] = {}
    for models in MODELS[:1] if quick else MODELS:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(models, 2 if quick else TASKS, Path(folder))
        count = int(found.pop("results"))
        print(f"{count:,} results: " + ", ".join(f"{name} {value:g}" for name, value in found.items()))
        metrics |= {f"{name}_{count}": value for name, value in found.items()}
    print(json.dumps({"bench": "page", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
