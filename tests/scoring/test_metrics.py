"""Every metric says what the rest needs to know; a new one is one file."""

from __future__ import annotations

import re

import jiwer
import numpy as np
import pytest

from earmark.config import wording
from earmark.config.asked import Scoring
from earmark.config.task import Task
from earmark.core.errors import UserError
from earmark.core.places import ROOT, SCRIPTS
from earmark.scoring import catalogue
from earmark.scoring.contract import AnswerMetric
from earmark.scoring.parsers.transcript import parse
from earmark.scoring.question import Question

ASKED = Question("?", (), None)
SPOKEN = [("the cat sat", "the cat sad"), ("今日は晴れ", "今日は雨"), ("one two", ""), ("a", "a b c")]


@pytest.mark.parametrize("name", catalogue.names())
def test_every_number_has_a_title_a_short_name_and_a_direction(name):
    metric = catalogue.load(name)
    assert metric.measures and all(each.title and each.short for each in metric.measures)
    assert all(catalogue.measure(each.name) == each for each in metric.measures)
    if isinstance(metric, AnswerMetric):
        assert metric.answers in ("choice", "transcript", "number")


def test_error_rates_are_better_lower_and_everything_else_higher():
    lower = {
        each.name
        for name in catalogue.names()
        for each in catalogue.load(name).measures
        if not each.higher_is_better
    }
    kinds = ("", "_mean", "_substitutions", "_deletions", "_insertions")
    shares = {"parse_failures", "outside_labels"}
    assert lower == {f"{rate}{kind}" for rate in ("wer", "cer") for kind in kinds} | shares


def test_an_unknown_metric_is_named_with_the_nearest():
    source = {"kind": "folder", "root": "x"}
    said = {"title": "x", "data": {"source": source}, "parser": "transcript", "metric": "ser"}
    with pytest.raises(UserError, match=re.escape("task 'x': metric: unknown metric 'ser'; did you mean")):
        wording.check("x", Task.read(said, "task"))
    with pytest.raises(UserError, match="unknown metric 'imported'"):
        catalogue.of_answers("imported")


def test_character_error_rates_equal_jiwer():
    metric, task = catalogue.of_answers("cer"), Scoring(metric="cer")
    rows = [{"group": "", **metric.judge([said], parse, ASKED, truth, task)} for truth, said in SPOKEN]
    found = metric.tables(rows, task, 100, 0)["metrics"]
    truth, read = zip(*SPOKEN, strict=True)
    assert found["cer"]["value"] == pytest.approx(jiwer.cer(list(truth), list(read)))
    assert found["cer_mean"]["value"] == pytest.approx(np.mean([jiwer.cer(*pair) for pair in SPOKEN]))
    assert metric.mistakes(rows[0]) == "1 error in 11 characters"


def test_no_other_module_knows_a_metric_by_the_beginning_of_its_name():
    metrics = {"wer", "cer"}
    for path in SCRIPTS.rglob("*.py"):
        found = re.findall(r"""startswith\(\(?["'](\w+)""", path.read_text())
        assert not metrics & set(found), path


def test_the_page_about_tasks_and_the_page_about_metrics_list_every_metric_a_task_may_name():
    for page in ("add_a_task.md", "add_a_metric.md"):
        text = (ROOT / "docs" / page).read_text()
        for name in catalogue.names():
            if isinstance(catalogue.load(name), AnswerMetric):
                assert f"`{name}`" in text, (page, name)
