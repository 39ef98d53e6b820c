"""The summary and the page as part of the workflow, and Snakemake's own report of it."""

from __future__ import annotations

import json
import shutil

import pandas as pd
from browsing import requests
from workflow import SMALL, Workflow


def test_results_beyond_the_grid_make_the_summary_stale_and_nothing_else(copied: Workflow) -> None:
    results = copied.folder / "results"
    record = json.loads((results / "gtzan_dart_0.5.json").read_text())
    record["asked"]["keep_ratio"] = 0.25
    (results / "gtzan_dart_0.25.json").write_text(json.dumps(record))
    shutil.copy(results / "gtzan_dart_0.5.jsonl", results / "gtzan_dart_0.25.jsonl")
    made = copied.would_make("all")
    assert {"results/summary.csv", "results/summary.parquet"} <= made
    assert not any(name.endswith(".json") for name in made)
    copied.run("-j1", "all")
    found = pd.read_csv(results / "summary.csv")
    assert {0.25, 0.5} <= set(found["keep_ratio"])
    assert "; 2 parts read anew" in (copied.folder / "logs/summarize.log").read_text()
    assert copied.would_make("all") == set()


def test_wrong_answers_come_with_sound_unless_their_shards_are_gone(copied: Workflow) -> None:
    log = copied.folder / "logs" / "wrong_answers.log"
    count = int(log.read_text().split("wrong answers, ")[1].split()[0])
    assert count > 0
    for tar in copied.folder.glob("data/gtzan/shards/test-*.tar"):
        tar.unlink()
    made = copied.would_make("results/report.html")
    assert made == {"results/wrong_answers.parquet", "results/report.html"}, "nothing is packed again"


def test_a_missing_import_ends_in_one_line(copied: Workflow) -> None:
    copied.configure(SMALL | {"import": [{"kind": "xares_llm", "path": "none/scores.tsv"}]})
    done = copied.run("-n", check=False)
    assert done.returncode != 0
    assert "error: config: import: there is no file none/scores.tsv" in done.stdout
    assert "Traceback" not in done.stdout


def test_each_plot_and_table_is_a_target(copied: Workflow) -> None:
    plot, table = "results/plots/gtzan-demo-latency", "results/tables/all-results"
    copied.run("-j1", f"{plot}.pdf", f"{table}.tex")
    made = {path.name for path in copied.folder.glob("results/[pt]*s/*")}
    ends = (".svg", ".png", ".pdf", "-column.svg", "-column.pdf", "-page.svg", "-page.pdf")
    assert made == {f"gtzan-demo-latency{end}" for end in ends} | {
        "all-results.md",
        "all-results.tex",
    }
    assert copied.would_make(f"{plot}.pdf", f"{table}.tex") == set()
    unknown = copied.run("-j1", "results/plots/accuracy.pdf", check=False)
    assert unknown.returncode != 0 and "Traceback" not in unknown.stdout
    assert "error: there is no plot accuracy; there are: " in unknown.stdout
    assert "gtzan-demo-latency" in unknown.stdout


def test_snakemakes_report_has_captions_and_categories_and_asks_nobody(copied: Workflow, browser) -> None:
    copied.run("-j1", "all", "tables", "plots")
    copied.run("--report", "snakemake.html", "all", "tables", "plots")
    path = copied.folder / "snakemake.html"
    text = path.read_text()
    for category in ("Summary", "Token reduction", "Prefill time", "Tables", "Plots"):
        assert category in text
    assert "corrected for the number of comparisons (Holm)" in text, "captions"
    assert "gtzan-demo-accuracy-layer-0" in text
    # Plots and tables are as many as the page lists, each in every form.
    listed = (copied.folder / "results/exports.jsonl").read_text().splitlines()
    for kind, forms in (("plot", 7), ("table", 2)):
        made = list(copied.folder.glob(f"results/{kind}s/*"))
        assert len(made) == forms * sum(f'"kind": "{kind}"' in line for line in listed) > 0
    assert copied.would_make("all", "tables", "plots") == set()
    browser.get(path.as_uri())
    assert requests(browser) <= {"file", "data", "blob"}
