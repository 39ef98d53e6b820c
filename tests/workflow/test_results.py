"""The files of a run: valid, complete in provenance, the same again, and proof against a kill."""

from __future__ import annotations

import copy
import csv
import json
import os
import re
import signal
import subprocess
import time

import jsonschema
import pytest
from workflow import SMALL, Workflow

from earmark.config.schema import schema


def untimed(flow: Workflow, name: str) -> tuple[dict, list[dict]]:
    """A result and its rows without what time measured."""
    record = json.loads((flow.folder / "results" / f"{name}.json").read_text())
    rows = [json.loads(line) for line in (flow.folder / "results" / f"{name}.jsonl").read_text().splitlines()]
    for stage in ("stages", "real_time_factor", "peak_memory_bytes", "memory", "cells_in_pass", "per_clip"):
        del record["timing"][stage]
    for row in rows:
        del row["seconds"]
    return record, rows


def test_results_and_rows_follow_their_published_schemas(finished):
    for cell in ("base_1.0", "dart_0.5", "random_0.5"):
        record = json.loads((finished.folder / f"results/gtzan_{cell}.json").read_text())
        jsonschema.validate(record, schema("result"))
        rows = (finished.folder / f"results/gtzan_{cell}.jsonl").read_text().splitlines()
        assert len(rows) == record["counts"]["total"] == 12
        for row in rows:
            jsonschema.validate(json.loads(row), schema("sample"))
    jsonschema.validate(
        json.loads((finished.folder / "results/timing/moderate_2s.json").read_text()), schema("timing")
    )


def test_a_result_says_what_produced_it(finished):
    record = json.loads((finished.folder / "results/gtzan_dart_0.5.json").read_text())
    assert record["labels"] == ["demo", "synthetic"]
    assert record["asked"]["keep_ratio"] == record["reduction"]["keep_ratio_requested"] == 0.5
    assert record["reduction"]["keep_ratio_effective"] == pytest.approx(0.5, abs=0.01)
    provenance = record["provenance"]
    assert provenance["packages"]["torch"].startswith("2.13")
    assert len(provenance["model"]["digest"]) == 16
    assert provenance["data"]["source"] == "synthetic_music"
    assert record["asked"]["chance"] == 0.25
    assert all(
        record["timing"]["stages"][s]["n"] == 12 for s in ("load", "mel", "encode", "prefill", "decode")
    )


def test_every_method_sees_the_same_questions(finished):
    def questions(cell):
        rows = (finished.folder / f"results/gtzan_{cell}.jsonl").read_text().splitlines()
        return [(r["clip_id"], r["options"], r["truth"]) for r in map(json.loads, rows)]

    assert questions("base_1.0") == questions("dart_0.5") == questions("random_0.5")


def test_the_summary_and_the_page_stand(finished):
    assert (finished.folder / "results/summary.csv").read_text().count("gtzan") > 10
    page = (finished.folder / "results/report.html").read_text()
    assert "synthetic" in page and "gtzan_dart_0.5" in page or "dart" in page


def test_the_grids_methods_stand_side_by_side_with_times_of_their_own(copied):
    copied.run("-j1", "methods")
    timed = json.loads((copied.folder / "speeds/demo/gtzan.json").read_text())
    assert timed["audio_tokens"] == 750 and timed["clock"] == "processor"
    with (copied.folder / "results/methods.csv").open() as stream:
        rows = {row["method"]: row for row in csv.DictReader(stream)}
    assert set(rows) == {"base", "dart", "random"}
    for method in ("dart", "random"):
        (point,) = (point for point in timed["points"] if point["method"] == method)
        assert float(rows[method]["speedup"]) == point["speedup"] and point["tokens_kept"] == 375
    assert (copied.folder / "results/methods.svg").read_text().startswith("<svg")


def test_the_same_seed_gives_the_same_result(copied, finished):
    copied.run("-j1", "results/gtzan_random_0.5.json", "--forcerun", "answer")
    assert untimed(copied, "gtzan_random_0.5") == untimed(finished, "gtzan_random_0.5")


def test_one_pass_answers_for_the_whole_grid_and_only_for_what_is_asked(copied, finished):
    cells = ("base_1.0", "dart_0.5", "random_0.5")
    for path in [
        *copied.folder.glob("results/gtzan_*"),
        *copied.folder.glob("answers/demo/*"),
        *copied.folder.glob("logs/answer/demo/*"),
    ]:
        path.unlink()
    copied.run("-j1", "results/gtzan_random_0.5.json")
    assert "in the same pass" not in (copied.folder / "logs/answer/demo/gtzan_random_0.5.log").read_text()
    copied.run("-j1", "grid")
    logs = [(copied.folder / f"logs/answer/demo/gtzan_{cell}.log").read_text() for cell in cells]
    assert sum("answering for 1 more results" in log for log in logs) == 1
    assert [untimed(copied, f"gtzan_{c}") for c in cells] == [untimed(finished, f"gtzan_{c}") for c in cells]
    assert not list(copied.folder.glob(".earmark/answer/demo/*"))


def test_after_sigkill_the_same_command_continues_and_gives_the_same_file(copied):
    # Rows that take their time: the half-trained model babbles on up to the token limit.
    config = copy.deepcopy(SMALL)
    config["tasks"]["gtzan"]["max_new_tokens"] = 60
    config["evaluate"]["batch_audio_s"] = 1
    copied.configure(config)
    target, name = "results/gtzan_frame_0.5.json", "gtzan_frame_0.5"
    copied.run("-j1", target)
    expected = untimed(copied, name)
    for path in [*copied.folder.glob(f"results/{name}.*"), *copied.folder.glob(f"answers/demo/{name}.*")]:
        path.unlink()

    running = subprocess.Popen(
        copied.command("-j1", target),
        cwd=copied.folder,
        env=copied.environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journals, deadline = [], time.monotonic() + 600
    while time.monotonic() < deadline:
        journals = list(copied.folder.glob(f".earmark/answer/demo/{name}/*.jsonl"))
        if journals and journals[0].read_text().count("\n") >= 2:
            break
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    finished_before = journals[0].read_text().count("\n")
    assert 2 <= finished_before < 12, "the run was over before it could be killed"
    assert not (copied.folder / target).exists()

    locked = copied.run("-j1", target, check=False)
    assert locked.returncode != 0 and "--unlock" in locked.stdout
    copied.run("--unlock")
    copied.run("-j1", target)
    assert untimed(copied, name) == expected
    assert not list(copied.folder.glob(f".earmark/answer/demo/{name}/*"))


def test_logs_hold_whole_lines_that_name_what_is_made(finished):
    logs = {path: path.read_bytes() for path in (finished.folder / "logs").rglob("*.log")}
    assert [path for path, content in logs.items() if b"\r" in content] == []
    packed = next(finished.folder.glob("logs/pack/gtzan/test-*.log")).read_text()
    assert re.search(
        r"^data/gtzan/shards/test-\d+-of-\d+\.tar: packing: \d+ of \d+ clips in ", packed, re.MULTILINE
    )
