"""Batches, windows and samples are a function of the data alone."""

from __future__ import annotations

import pytest

from earmark.errors import UserError
from earmark.evaluation.plan import Sample, batches, choose, windows
from earmark.features import FeatureRow
from earmark.records import Clip
from earmark.tasks.question import Question, ask, draw_options


def sample(name: str, tokens: int) -> Sample:
    return Sample(name, name, "a", tokens / 25, Question("?", ("a", "b"), 0), ((0, tokens),))


def row(name: str, label: str) -> FeatureRow:
    return FeatureRow(Clip(name, [name], [], 1.0, 16000, 1, "test", [label]), 25, 0, 0, 0)


def test_batches_hold_every_row_once_and_stay_within_the_budget():
    samples = [sample(f"s{i}", 100 + 37 * i % 400) for i in range(23)]
    made = batches(samples, max_tokens=1000)
    assert sorted(r.sample for batch in made for r in batch) == list(range(23))
    assert all(len(b) * max(r.tokens for r in b) <= 1000 for b in made)


def test_a_row_over_the_budget_runs_alone():
    assert [len(b) for b in batches([sample("a", 5000), sample("b", 10)], 1000)] == [1, 1]


def test_policies_for_long_audio():
    assert windows(100, 200, "error") == (((0, 100),), False, None)
    assert windows(500, 200, "truncate") == (((0, 200),), True, None)
    assert windows(500, 200, "window") == (((0, 167), (167, 333), (333, 500)), False, None)
    cut, truncated, failure = windows(500, 200, "error")
    assert (cut, truncated) == ((), False) and failure is not None and "longer" in failure


def test_a_sample_limit_balances_classes_whatever_the_order():
    rows = [row(f"{label}{i}", label) for label in "abc" for i in range(10)]
    chosen = choose(rows, 6, seed=1)
    assert sorted(r.clip.labels[0] for r in chosen) == list("aabbcc")
    assert {r.clip.clip_id for r in choose(rows[::-1], 6, seed=1)} == {r.clip.clip_id for r in chosen}


def test_options_depend_on_seed_and_clip_only():
    classes = [f"c{i}" for i in range(9)]
    first = draw_options("c3", classes, 4, 0, "x")
    assert first == draw_options("c3", classes[::-1], 4, 0, "x")
    assert len(set(first)) == 4 and "c3" in first
    assert any(draw_options("c3", classes, 4, 0, f"y{i}") != first for i in range(5))
    assert sorted(draw_options("a", ["a", "b"], 4, 0, "x")) == ["a", "b"]


@pytest.mark.parametrize(
    ("template", "message"),
    [("{question}", "{options} is missing"), ("{options} {quest}", "unknown field 'quest'")],
)
def test_a_template_that_cannot_be_filled_is_a_user_error(template, message):
    with pytest.raises(UserError, match=message):
        ask(template, "Which?", ["a", "b"], "a")


def test_a_prompt_lists_its_options():
    asked = ask("{question}\n{options}", "Which?", ["dog_bark", "rain"], "rain")
    assert asked.prompt == "Which?\nA. dog bark\nB. rain"
    assert asked.letter == "B"
