"""Methods stand side by side: seeds together, recordings as units, corrected for the number of comparisons."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.scoring.multiple import holm
from earmark.scoring.paired import mcnemar
from earmark.systems.pruning.report.results import Result
from earmark.systems.pruning.side_by_side import points
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
    assert base.seeds == 3 and base.difference == 0 and base.prefill_speedup == 1
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
    assert found["frame", 0.2].prefill_speedup > found["frame", 0.5].prefill_speedup > 1
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


def test_a_grid_without_its_base_is_refused_in_one_line(results):
    without = [path for path in results if "base" not in path.name]
    with pytest.raises(UserError, match="no result of the method base"):
        points(without, TOGETHER)


def test_the_script_writes_a_table_and_a_plot(results, tmp_path):
    settings = tmp_path / "settings.json"
    write_json(settings, {"results": [str(path) for path in results], "together": TOGETHER})
    methods(str(settings), tmp_path / "methods.csv", tmp_path / "methods.svg")
    with (tmp_path / "methods.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4 and {row["seeds"] for row in rows} == {"3"}
    assert (tmp_path / "methods.svg").read_text().startswith("<svg")
