"""Batches, windows and samples are a function of the data alone."""

from __future__ import annotations

import pytest

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.choice import choose, left_in
from earmark.models.features import FeatureRow
from earmark.scoring.question import Question, ask, ask_freely, draw_options
from earmark.systems.pruning.plan import batches, windows
from earmark.systems.pruning.samples import Sample


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


def test_which_classes_come_in_depends_on_the_seed_not_on_the_alphabet():
    rows = [row(f"clip{i:03d}", f"text {i:03d}") for i in range(50)]
    chosen = [{r.clip.clip_id for r in choose(rows, 5, seed)} for seed in range(2)]
    assert chosen[0] != chosen[1] and chosen[0] != {f"clip{i:03d}" for i in range(5)}


def test_groups_are_balanced_where_labels_are_no_classes():
    rows = [row(f"clip{i}", f"text {i}") for i in range(30)]
    for i, each in enumerate(rows):
        each.clip.group = "level=high" if i < 24 else "level=middle"
    chosen = choose(rows, 8, 0, "group")
    assert sorted(r.clip.group for r in chosen) == ["level=high"] * 4 + ["level=middle"] * 4


def test_leaving_out_what_no_clip_has_or_every_clip_is_refused():
    rows = [row("a", "rain")]
    rows[0].clip.group = "person=2"
    with pytest.raises(UserError, match="no clip's group says 'persn'; did you mean 'person'"):
        left_in(rows, [{"persn": "2"}])
    with pytest.raises(UserError, match="leave_out: no clip is left"):
        left_in(rows, [{"label": "rain"}])
    with pytest.raises(UserError, match="holds no clip"):
        left_in([], [])


def test_balanced_is_as_many_of_every_class_as_the_rarest_has_by_the_seed():
    rows = [row(f"real{i}", "real") for i in range(20)] + [row(f"fake{i}", "fake") for i in range(7)]
    made = {seed: choose(rows, None, seed, balanced=True) for seed in (0, 1)}
    for chosen in made.values():
        assert sorted(r.clip.labels[0] for r in chosen) == ["fake"] * 7 + ["real"] * 7
        assert [r for r in rows if r in chosen] == chosen, "order is kept"
    assert made[0] != made[1]
    assert choose(rows[::-1], None, 0, balanced=True) == made[0][::-1]
    assert sorted(r.clip.labels[0] for r in choose(rows, 16, 0)) == ["fake"] * 7 + ["real"] * 9
    assert len(choose(rows, 6, 0, balanced=True)) == 6 and choose([], 6, 0, balanced=True) == []


def test_clips_are_left_out_only_where_all_facets_agree():
    rows = [row(f"{p}{e}", e) for p in ("2", "3") for e in ("happy", "sad")]
    for each in rows:
        each.clip.group = f"emotion={each.clip.labels[0]};person={each.clip.clip_id[0]}"
    kept = left_in(rows, [{"person": "2", "emotion": "Happy"}])
    assert [r.clip.clip_id for r in kept] == ["2sad", "3happy", "3sad"]
    assert [r.clip.clip_id for r in left_in(rows, [{"label": "sad"}])] == ["2happy", "3happy"]


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


def test_options_are_marked_as_asked_and_fixed_ones_may_stand_in_the_template():
    assert ask("{options}", "", ["real", "fake"], "fake", ")").prompt == "A) real\nB) fake"
    assert ask("a for male, b for female", "", ["male", "female"], "female", fixed=True).letter == "B"


def test_a_request_for_words_has_no_options():
    asked = ask_freely("Write down what is said.", "")
    assert (asked.options, asked.truth, asked.letter) == ((), None, None)


def test_clips_of_several_labels_or_none_are_asked_for_words_all_the_same():
    clip = Clip("c", ["c"], [], 1.0, 16000, 1, "test", [], text="one two")
    assert len(left_in([FeatureRow(clip, 50, 0, 0, 0)], [])) == 1
