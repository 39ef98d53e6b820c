"""Samples in batches: the scores of each are its own, and a killed job goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.core.errors import AudioError
from earmark.systems.separation import evaluation
from earmark.systems.separation.audio import Chunks
from earmark.systems.separation.evaluation import Model, Task
from earmark.systems.separation.sets.contract import Listed, MixtureSet, Wave

from .conftest import SMALL, drawn

LENGTHS = (8000, 8000, 9000, 8000, 20_000, 20_000)


def task(batch: int) -> Task:
    """Six samples of three lengths, the longest over a chunk, and one that can't be loaded."""
    rng = np.random.default_rng(0)
    samples = []
    for number, length in enumerate(LENGTHS):
        waves = (0.1 * rng.standard_normal((2, length))).astype(np.float32)

        def load(waves: np.ndarray = waves, bad: bool = number == 1) -> tuple[Wave, Wave]:
            if bad:
                raise AudioError("undecodable (made so)")
            return waves.sum(0), waves[0]

        samples.append(Listed(f"s{number}", "dog", "dog", f"s{number}", load))
    queries = rng.standard_normal((6, 8)).astype(np.float32)
    shares = np.array([[0.25, 0.75], [0.5, 0.5]] * 3)
    return Task(MixtureSet(samples, "mean"), queries, shares, None, None, Chunks(0.5, 0.1, batch))


def model(soft: bool = False) -> Model:
    network = drawn(SMALL)
    if not soft:
        return Model(network, torch.device("cpu"))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    other = {name: 1.3 * value if value.is_floating_point() else value for name, value in state.items()}
    return Model(network, torch.device("cpu"), state, [state, other])


@pytest.mark.parametrize("soft", [False, True])
def test_samples_that_go_together_score_as_they_do_alone(tmp_path, soft) -> None:
    alone = evaluation.run(task(1), model(soft), tmp_path / "alone.jsonl")
    together = evaluation.run(task(4), model(soft), tmp_path / "together.jsonl")
    assert [row.status for row in together] == ["ok", "failed", "ok", "ok", "ok", "ok"]
    assert together[1].reason == "undecodable"
    for one, other in zip(alone, together, strict=True):
        assert one.sample == other.sample
        if one.scores is not None:
            assert one.scores.sdri == pytest.approx(other.scores.sdri, abs=1e-4)


def test_a_killed_job_ends_with_the_rows_of_one_left_alone(tmp_path) -> None:
    whole = tmp_path / "whole.jsonl"
    expected = evaluation.run(task(4), model(), whole)
    torn = tmp_path / "torn.jsonl"
    torn.write_text("".join(whole.read_text().splitlines(keepends=True)[:2]) + '{"sample": "s')
    assert evaluation.run(task(4), model(), torn) == expected
    assert sorted(Path(torn).read_text().splitlines()) == sorted(whole.read_text().splitlines())
