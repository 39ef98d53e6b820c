"""Methods stand side by side: seeds together, recordings as units, corrected for the number of comparisons."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.scoring.multiple import holm
from earmark.scoring.paired import mcnemar
from earmark.systems.pruning.report.results import Result
from earmark.systems.pruning.report.side_by_side import best, chart
from earmark.systems.pruning.side_by_side import points
from earmark.systems.pruning.speed_record import SpeedRecord
from methods import main as methods


@pytest.fixture
def results(tmp_path, write_result):
    """Two methods at two ratios on one task, by three models trained alike."""

    made = []
    for model in ("m", "m-1", "m-2"):
        for method, ratio, value in (
            ("base", 1.0, 0.9),
            ("frame", 0.5, 0.8),
            ("frame", 0.2, 0.4),
            ("dart", 0.5, 0.88),
        ):
            path = tmp_path / "results" / model / f"t_{method}_{ratio}.json"
            made.append(write_result(path, method, ratio, task="t", model=model, accuracy=value))
    return made


TOGETHER = {"m": "m", "m-1": "m", "m-2": "m"}


def test_seeds_count_together_and_recordings_are_the_units(results):
    found = {(point.method, point.ratio): point for point in points(results, TOGETHER)}
    assert set(found) == {("base", 1.0), ("frame", 0.5), ("frame", 0.2), ("dart", 0.5)}
    base = found["base", 1.0]
    assert base.seeds == 3 and base.difference == 0 and np.isnan(base.speedup)
    for point in found.values():
        # as many recordings as each model was asked, not three times that
        assert (
            point.recordings
            == Result(str(results[0]), json.loads(results[0].read_text())).record["counts"]["scored"]
        )
        assert point.difference == pytest.approx(point.value - point.base)
        assert point.comparisons == 3


def test_what_is_clearly_worse_is_so_after_the_correction(results):
    found = {(point.method, point.ratio): point for point in points(results, TOGETHER)}
    worst = found["frame", 0.2]
    assert worst.high < 0 and worst.p_adjusted < 0.01
    assert worst.low < worst.difference < worst.high
    assert mcnemar(0, 20) < worst.p_adjusted  # three comparisons, drawn by lot
    assert holm([0.01, 0.02]) == [0.02, 0.02]


def test_methods_are_compared_with_the_best_that_kept_as_much(results):
    found = {(point.method, point.ratio): point for point in points(results, TOGETHER)}
    assert (found["dart", 0.5].to_best, found["dart", 0.5].p_to_best) == (0.0, 1.0)
    behind = found["frame", 0.5]
    assert behind.to_best == pytest.approx(behind.value - found["dart", 0.5].value) and behind.to_best < 0
    # 0.2 has one method and no comparison, so the only one there is isn't corrected
    own, best = ([Result(str(p), json.loads(p.read_text())) for p in results if name in p.name] for name in ("frame_0.5", "dart_0.5"))  # fmt: skip
    sums = [{k: sum(r.answers()[k][0] for r in each) for k in each[0].answers()} for each in (own, best)]
    gap = np.array([sums[0][key] - sums[1][key] for key in sums[0]])
    signs = np.random.default_rng(1).choice([-1, 1], (4000, len(gap)))
    by_lot = float((abs((signs * gap).sum(1)) >= abs(gap.sum())).mean())
    assert behind.p_to_best == pytest.approx(by_lot, abs=0.04)


def speed(method, ratio, speedup):
    return {
        "method": method,
        "ratio": ratio,
        "tokens_kept": 30.0,
        "seconds": 0.2 / speedup,
        "speedup": speedup,
        "low": speedup - 0.1,
        "high": speedup + 0.1,
        "choosing": 0.01,
    }


SPEEDS = {
    "model": "m",
    "task": "t",
    "clock": "processor",
    "device": "cpu",
    "dtype": "float32",
    "attention": "sdpa",
    "threads": 1,
    "prompts": 8,
    "audio_tokens": 100,
    "prompt_tokens": 110.0,
    "base_s": 0.2,
    "points": [speed("frame", 0.5, 1.6), speed("frame", 0.2, 2.5)],
    "provenance": {},
}


def test_speeds_are_those_of_the_timing_and_what_was_not_timed_has_none(results):
    timed = [SpeedRecord.read(SPEEDS, "made"), SpeedRecord.read(SPEEDS | {"task": "other"}, "made")]
    found = {(point.method, point.ratio): point for point in points(results, TOGETHER, timed)}
    assert (found["base", 1.0].speedup, found["base", 1.0].prefill_s) == (1, 0.2)
    half = found["frame", 0.5]
    seen = [half.speedup, half.speedup_low, half.speedup_high, half.choosing]
    assert seen == pytest.approx([1.6, 1.5, 1.7, 0.01])
    assert np.isnan(found["dart", 0.5].speedup)


def test_numbers_of_tokens_are_not_taken_for_seeds(tmp_path, write_result, results):
    for tokens, value, model in ((t, v, m) for t, v in ((64, 0.5), (256, 0.8)) for m in TOGETHER):
        path = write_result(
            tmp_path / f"results/{model}/t_dart_{tokens}t.json",
            "dart",
            0.5,
            task="t",
            model=model,
            accuracy=value,
        )
        record = json.loads(path.read_text())
        record["asked"] |= {"keep_ratio": None, "keep_tokens": tokens}
        write_json(path, record)
        results.append(path)
    found = {(point.method, point.ratio): point for point in points(results, TOGETHER)}
    assert found["dart", 256].seeds == found["dart", 64].seeds == 3
    assert found["dart", 256].value > found["dart", 64].value


def test_the_plot_tells_the_best_apart_and_shows_the_control(results):
    made = [replace(points(results, TOGETHER)[1], method=f"m{n}", value=n / 20) for n in range(12)]
    made += [replace(made[0], method="random", value=0.0), replace(made[0], method="base", ratio=1.0)]
    assert best(made) == [f"m{n}" for n in reversed(range(12)) if n] + sorted(["m0", "random"])
    assert best([replace(point, better="lower") for point in made])[-1] == "m11"
    drawn = json.dumps(chart(made))
    assert '"m11", "m10", "m9", "m8", "m7", "m6", "m5", "random"' in drawn
    assert (
        "speedup" not in str(chart(made)["vconcat"][0]["hconcat"][0]["layer"])
        and len(chart(made)["vconcat"][0]["hconcat"]) == 1
    )


def test_methods_asked_of_other_models_than_base_are_refused_in_one_line(results):
    without = [path for path in results if path.parts[-2:] != ("m-2", "t_dart_0.5.json")]
    with pytest.raises(UserError, match=r"t: dart at 0.5 was asked of m, m-1 and base of m, m-1, m-2; ask"):
        points(without, TOGETHER)


def test_a_grid_without_its_base_is_refused_in_one_line(results):
    without = [path for path in results if "base" not in path.name]
    with pytest.raises(UserError, match="no result of the method base"):
        points(without, TOGETHER)


def test_the_script_writes_a_table_and_a_plot(results, tmp_path):
    settings = tmp_path / "settings.json"
    write_json(tmp_path / "speeds.json", SPEEDS)
    asked = {"results": [str(path) for path in results], "speeds": [str(tmp_path / "speeds.json")]}
    write_json(settings, asked | {"together": TOGETHER})
    methods(str(settings), tmp_path / "methods.csv", tmp_path / "methods.svg")
    with (tmp_path / "methods.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["speedup"] for row in rows} == {"1.0", "1.6", "2.5", "nan"}
    assert len(rows) == 4 and {row["seeds"] for row in rows} == {"3"}
    assert (tmp_path / "methods.svg").read_text().startswith("<svg")
