"""What may have been meant by a path that nothing makes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from earmark.core.errors import UserError
from earmark.workflow.targets import Mistake, check_targets, mended

MEANT = "results/gtzan_dart_0.7.json"


@dataclass
class Rule:
    name: str
    pattern: str = ""

    def is_producer(self, path: str) -> bool:
        return bool(self.pattern and re.fullmatch(self.pattern, path))

    def has_wildcards(self) -> bool:
        return bool(self.pattern)


class Flow:
    """As much of a workflow as is asked."""

    rules = (
        Rule("demo"),
        Rule("grid"),
        Rule("evaluate", r"results/[a-z0-9]+_[a-z]+_(0\.\d*[1-9]|1\.0)\.json"),
    )

    def is_rule(self, name: str) -> bool:
        return name in [rule.name for rule in self.rules]


@pytest.mark.parametrize(
    "slip",
    [
        "result/gtzan_dart_0.7.json",
        "gtzan_dart_0.7.json",
        "results/gtzan_dart_0.7",
        "results/gtzan_dart_0.7.jsn",
        "results/gtzan_dart_70.json",
        "results/gtzan_dart_70%",
        "results/gtzan_dart_.7.json",
        "results/gtzan_dart_0.70.json",
        "results/GTZAN_dart_0.7.json",
        "Results/GTZAN_Dart_70",
    ],
)
def test_each_slip_is_mended_alone_and_with_others(slip):
    assert MEANT in mended(slip)


def test_a_number_of_tokens_is_meant_as_one():
    assert "results/gtzan_dart_256t.json" in mended("results/gtzan_dart_256.json")


def test_the_smallest_mend_comes_first():
    assert next(iter(mended("results/gtzan_dart_0.7"))) == MEANT


def explained(name: str) -> str:
    flow = Flow()

    def check(path: str) -> None:
        if "drat" in path:
            raise UserError("unknown method 'drat'; did you mean 'dart'?")

    check_targets(flow, check)
    with pytest.raises(Mistake) as error:
        flow.is_rule(name)
    return str(error.value)


def test_what_is_wrong_with_a_name_goes_before_what_is_wrong_with_its_path():
    assert explained("results/gtzan_drat_0.7.json") == "unknown method 'drat'; did you mean 'dart'?"
    assert explained("result/gtzan_dart_0.7.json").endswith(f"did you mean '{MEANT}'?")
    assert explained("gird") == "there is no target 'gird'; did you mean 'grid'?"


def test_rules_and_what_is_made_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flow = Flow()
    check_targets(flow, lambda name: None)
    (tmp_path / "there.txt").write_text("")
    assert flow.is_rule("demo") and not flow.is_rule(MEANT) and not flow.is_rule("there.txt")
