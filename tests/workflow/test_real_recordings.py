"""A small version of the real-recordings claim: recorded sounds, joined to long audio, end to end."""

from __future__ import annotations

import copy
import json

import pandas as pd
from workflow import SMALL

from earmark.core.records import read_manifest


def test_recorded_sounds_become_a_task(copied, real_audio):
    table = pd.read_csv(real_audio / "esc10" / "metadata.csv")
    config = copy.deepcopy(SMALL)
    config["tasks"]["sounds"] = {
        "title": "Recorded sounds",
        "question": "What is heard?",
        "data": {
            "source": {
                "kind": "folder",
                "root": str(real_audio / "esc10"),
                "licence_column": "licence",
                "group_pattern": r"_\d+-(\d+)-",
            },
            "segment": {"train": {"kind": "whole"}, "test": {"kind": "join", "min_s": 20, "max_s": 60}},
        },
    }
    copied.configure(config)
    copied.run("-j2", "results/sounds_dart_0.5.json")

    clips = read_manifest(copied.folder / "data/sounds/clips.parquet")
    used = [c for c in clips if c.ok]
    sources = {s: {x for c in used if c.split == s for x in c.source_id} for s in ("train", "test")}
    assert sources["train"] and sources["test"] and not sources["train"] & sources["test"]
    assert all(20 <= c.duration_s <= 60 for c in used if c.split == "test")
    record = json.loads((copied.folder / "results/sounds_dart_0.5.json").read_text())
    assert record["labels"] == ["demo"], "recorded sounds are not synthetic"
    assert record["counts"]["scored"] == record["counts"]["total"] >= 10
    assert record["reduction"]["tokens_before"]["min"] >= 500
    assert any("CC" in licence for licence in record["provenance"]["data"]["licences"])
    assert {c["class"] for c in record["per_class"]} >= set(table.label.unique())
