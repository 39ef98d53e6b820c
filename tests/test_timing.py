"""The stage clock adds up; a peak of memory belongs to the stretch of work in which it happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from earmark.core import timing
from earmark.core.places import SCRIPTS
from earmark.core.timing import Peak, StageClock
from earmark.scoring.spread import spread

MEGABYTE = 1 << 20
CPU = torch.device("cpu")


def test_a_stage_met_twice_is_added_up(monkeypatch):
    now = iter([10.0, 11.5, 20.0, 20.25, 30.0, 33.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(now))
    clock = StageClock(CPU)
    for name in ("mel", "mel", "encode"):
        with clock.stage(name):
            pass
    assert clock.seconds == {"mel": 1.75, "encode": 3.0}


def test_a_spread_is_that_of_numpy_and_nothing_has_none():
    seconds = [0.5, 0.1, 0.9, 0.2]
    ends = {"low_s": 0.1, "high_s": 0.9}  # four samples say little of a median
    assert spread(seconds) == pytest.approx(
        {"median_s": 0.35, **ends, "p95_s": float(np.percentile(seconds, 95)), "total_s": 1.7, "n": 4}
    )
    assert spread([]) is None


def test_the_medians_interval_is_that_of_scipys_bootstrap():
    seconds = np.random.default_rng(3).lognormal(size=301)
    found = spread(list(seconds))
    drawn = scipy.stats.bootstrap((seconds,), np.median, method="percentile", n_resamples=20_000, rng=1)
    expected = drawn.confidence_interval
    assert (found["low_s"], found["high_s"]) == pytest.approx((expected.low, expected.high), rel=0.02)


def test_the_medians_interval_holds_the_true_one_also_where_batches_share_a_time():
    rng, held = np.random.default_rng(4), 0
    for _ in range(400):
        batches = rng.lognormal(size=30)
        found = spread(list(np.repeat(batches, 8)), [8] * 240)
        held += found["low_s"] <= 1.0 <= found["high_s"]
    assert 0.92 <= held / 400 <= 0.99


def test_the_higher_of_two_peaks_is_taken_field_by_field():
    assert Peak(3, 10).max(Peak(5, 7)) == Peak(5, 10)


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="peaks of a stretch of work need Linux's /proc"
)
def test_a_peak_belongs_to_its_lap():
    # A process of its own: in this one, other tests' memory comes and goes.
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import torch; from earmark.core.timing import MemoryWatch\n"
        "watch = MemoryWatch(torch.device('cpu')); held = torch.ones(64 << 20, dtype=torch.uint8)\n"
        "high = watch.lap(); del held; watch.lap(); low = watch.lap()\n"
        "print(watch.start, high.device, high.process, low.process)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    start, device, high, low = map(int, done.stdout.split())
    assert device == high
    # The second lap begins with the memory given back, so the third is without it.
    assert high - start >= 60 * MEGABYTE <= high - low
