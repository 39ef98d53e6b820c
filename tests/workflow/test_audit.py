"""The audit as a target: made from the shards' indexes, stale with what it reads and nothing else."""

from __future__ import annotations

import copy
import json

import pytest
from workflow import SMALL, Workflow

TARGETS = {"data/gtzan/audit.json", "data/gtzan/audit.html"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory) -> Workflow:
    flow = Workflow(tmp_path_factory.mktemp("audited"))
    flow.run("-j2", "audit")
    return flow


def changed(**models: dict) -> dict:
    config = copy.deepcopy(SMALL)
    for name, keys in models.items():
        config["models"][name] |= keys
    return config


def test_an_audit_of_the_small_workflow_reads_its_shards(audited):
    record = json.loads((audited.folder / "data/gtzan/audit.json").read_text())
    assert record["clips"]["overall"]["ok"] == 24 and record["labels"] == ["synthetic"]
    assert {name: s["lengths"]["count"] for name, s in record["splits"].items()} == {"train": 12, "test": 12}
    answering = {"demo", "moderate", "real-digits", "real-sounds"}
    assert {e["model"] for e in record["estimates"]} == answering
    assert (audited.folder / "data/gtzan/audit.html").stat().st_size < 10_000_000


def test_an_audit_is_stale_with_what_it_reads_alone(audited):
    try:
        audited.configure(changed(demo={"reduction_layer": 1, "attention": "eager"}))
        assert audited.would_make("audit") == set()
        audited.configure(changed(demo={"max_audio_s": 30}))
        assert audited.would_make("audit") == TARGETS
    finally:
        audited.configure(SMALL)


PARROT = '''"""Hears as Qwen2.5-Omni does, at half the tokens a second."""

from earmark.models.contract import Audio, Family
from earmark.models.families.omni import Omni
from earmark.models.sizes import Sizes


class Parrot(Family):
    """Made up."""

    title = "Parrot"
    audio = Audio(samples_per_token=1280)
    parts = Omni.parts
    published = {"somebody/parrot": Sizes(vocabulary=32_000)}

    def code(self):
        """Import the code."""
        from earmark.models import omni

        return omni
'''


def test_a_family_that_is_one_new_file_is_in_the_audit_of_every_task(audited):
    file = audited.folder / "scripts/earmark/models/families/parrot.py"
    try:
        file.write_text(PARROT)
        config = copy.deepcopy(SMALL)
        config["models"]["polly"] = {"kind": "parrot", "hub": "somebody/parrot"}
        audited.configure(config)
        audited.run("-j1", "data/gtzan/audit.json")
        record = json.loads((audited.folder / "data/gtzan/audit.json").read_text())
        found = {each["model"]: each for each in record["estimates"]}
        assert found["polly"]["audio_tokens"] == pytest.approx(found["demo"]["audio_tokens"] / 2, rel=0.05)
    finally:
        file.unlink()
        audited.configure(SMALL)


def test_a_cut_list_is_an_input_and_stays_below_the_root(audited, tmp_path):
    config = copy.deepcopy(SMALL)
    config["tasks"]["sounds"] = {
        "title": "Sounds",
        "data": {
            "source": {"kind": "folder", "root": str(tmp_path), "split_column": "split"},
            "segment": {"test": {"kind": "cuts", "table": "cuts.csv"}},
        },
    }
    try:
        (tmp_path / "cuts.csv").write_text("file,start_s,end_s\n")
        audited.configure(config)
        assert str(tmp_path / "cuts.csv") in audited.run("-n", "-p", "data/sounds/clips.parquet").stdout
        config["tasks"]["sounds"]["data"]["segment"]["test"]["table"] = "../cuts.csv"
        audited.configure(config)
        done = audited.run("-n", "data/sounds/clips.parquet", check=False)
        assert done.returncode and "leads out of" in done.stdout and "Traceback" not in done.stdout
    finally:
        audited.configure(SMALL)
