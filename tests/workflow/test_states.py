"""Encoder states on the disk for good, for as long as they are needed, or not at all: the answers are the same."""

from __future__ import annotations

import copy
import shutil

from workflow import SMALL

from earmark.core.jsonl import read_jsonl

ANSWERS = "answers/demo/gtzan_dart_0.5.json"


def test_states_that_go_or_pass_through_give_the_answers_of_those_that_stay(copied):
    def answers():
        return [
            (row["clip_id"], row["answer"])
            for row in read_jsonl((copied.folder / ANSWERS).with_suffix(".jsonl"))
        ]

    kept, made = answers(), {}
    assert kept and list(copied.folder.glob("features/demo/gtzan/test-*.safetensors"))
    for states in ("temporary", "through"):
        for folder in ("answers", "features"):
            shutil.rmtree(copied.folder / folder, ignore_errors=True)  # temporary states take theirs along
        copied.configure(copy.deepcopy(SMALL) | {"features": {"states": states}})
        made[states] = copied.run("-j1", ANSWERS).stdout
        assert answers() == kept, states
        assert not list(copied.folder.glob("features/**/*.safetensors")), states
        assert copied.would_make(ANSWERS) == set(), states
    assert "rule features:" in made["temporary"] and "rule features:" not in made["through"]
