"""The data side of tagging as file targets: from clips to classes, spectrograms and statistics."""

from __future__ import annotations

import copy
import json

import pandas as pd
import pytest
import torch
from workflow import SMALL, Workflow

from earmark.core.records import read_manifest
from earmark.systems.tagging import mel_statistics as statistics
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.config import TaskTagging
from earmark.systems.tagging.dataset import Clips
from earmark.systems.tagging.splits import roles

SMALL_TASK = {
    "title": "Synthetic sounds",
    "data": {
        "source": {"kind": "synthetic_tags", "clips": {"train": 24, "test": 8}},
        "sample_rate": 32000,
        "shards": {"train": 2},
    },
    "tagging": {"kind": "multi_label", "frames": 128},
}


@pytest.fixture(scope="module")
def flow(tmp_path_factory) -> Workflow:
    return Workflow(tmp_path_factory.mktemp("tagging"))


def configured(flow, **tasks):
    config = copy.deepcopy(SMALL)
    config["tasks"] |= tasks
    flow.configure(config)
    return flow


def opened(flow, task, tagging, fold="all", rate="-16000", **more):
    indexes = sorted((flow.folder / "fbank" / task).glob("*.parquet"))
    found = statistics.read(flow.folder / f"fbank/{task}/statistics.json", fold)
    tars = [flow.folder / f"data/{task}/shards{rate}" / f"{path.stem}.tar" for path in indexes]
    classes = Classes.read(flow.folder / f"data/{task}/classes.json")
    fbanks = [path.with_suffix(".safetensors") for path in indexes]
    return Clips(indexes, fbanks, tars, classes, tagging, found, **more)


def test_a_task_becomes_classes_spectrograms_and_statistics(flow):
    configured(flow, sounds=SMALL_TASK)
    targets = ["data/sounds/classes.json", "fbank/sounds/statistics.json"]
    flow.run("-j2", *targets)
    tagging = TaskTagging.read(SMALL_TASK["tagging"], "tagging")
    clips = opened(flow, "sounds", tagging)
    assert len(clips) == 32 and len(clips.classes) == 10
    assert clips[0].features.shape == (128, 128)
    made = roles(clips.entries(), tagging, "all", 0)
    assert {role: len(own) for role, own in made.items()} == {"train": 22, "validation": 2, "test": 8}
    train = torch.stack([clips[int(index)].features for index in made["train"]])
    assert train.mean().abs() < 1e-3 and abs(float(train.std()) - 0.5) < 1e-3
    assert (clips.waveform(0).abs() <= 1).all()
    assert flow.would_make(*targets) == set()


def test_the_length_of_the_spectrogram_makes_spectrograms_stale_and_a_fold_only_the_statistics(flow):
    shorter = copy.deepcopy(SMALL_TASK)
    shorter["tagging"]["frames"] = 100
    stale = configured(flow, sounds=shorter).would_make(
        "fbank/sounds/statistics.json", "data/sounds/classes.json"
    )
    assert {path for path in stale if path.endswith(".safetensors")} == {
        f"fbank/sounds/{name}.safetensors"
        for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")
    }
    assert not any(path.startswith("data/") for path in stale)
    other = copy.deepcopy(SMALL_TASK)
    other["tagging"]["validation_share"] = 0.2
    stale = configured(flow, sounds=other).would_make("fbank/sounds/statistics.json")
    assert stale == {"fbank/sounds/statistics.json"}
    given = copy.deepcopy(SMALL_TASK)
    given["tagging"]["statistics"] = {"mean": -4.0, "std": 4.5}
    configured(flow, given=given).run("-j1", "fbank/given/statistics.json")
    assert json.loads((flow.folder / "fbank/given/statistics.json").read_text())["given"] is True
    assert not (flow.folder / "data/given").exists(), "given numbers need no data"


@pytest.mark.parametrize(
    ("changes", "target", "message"),
    [
        ({"tagging": None}, "data/wrong/classes.json", "task 'wrong' has no tagging section"),
        (
            {"tagging": {"kind": "multi_label", "frames": 128, "classes": ["tone", "bel"]}},
            "data/wrong/classes.json",
            "which is no class",
        ),
        (
            {"tagging": {"kind": "single_label", "frames": 128}},
            "data/wrong/classes.json",
            "tagging.kind: single_label, but clip",
        ),
        (
            {"tagging": {"kind": "multi_label", "frames": 128, "folds": ["1", "2"]}},
            "data/wrong/classes.json",
            "tagging.folds: no clip has the group '1'",
        ),
        (
            {"data": SMALL_TASK["data"] | {"sample_rate": 8000}},
            "fbank/wrong/statistics.json",
            "wrong rate (8000 Hz cannot become 16000 Hz",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(flow, changes, target, message):
    done = configured(flow, wrong=SMALL_TASK | changes).run("-j1", target, check=False)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout


def test_recordings_in_folds_become_clips(flow, real_audio):
    """Folds in one split alone, from the data set's own metadata; the recordings are read in place."""
    table = pd.read_csv(real_audio / "esc10" / "metadata.csv")
    few = table[table.label.isin(["dog_bark", "rain"])].copy()
    few["fold"] = few.file.str.extract(r"_(\d)-", expand=False)
    few["recording"] = few.file.str.extract(r"_\d-(\d+)-", expand=False)
    few = few.groupby(["label", "fold"]).head(2)
    few["file"] = str(real_audio / "esc10") + "/" + few.file
    lists = flow.folder / "lists"
    lists.mkdir()
    few.to_csv(lists / "esc.csv", index=False)
    task = {
        "title": "Recorded sounds",
        "data": {
            "source": {
                "kind": "list",
                "root": str(lists),
                "absolute": True,
                "lists": {"test": "esc.csv"},
                "columns": {"text": None, "group": "fold", "source": "recording"},
            },
            "segment": {"test": {"kind": "whole"}},
        },
        "tagging": {"kind": "single_label", "frames": 512, "folds": sorted(few.fold.unique().tolist())},
    }
    configured(flow, recorded=task)
    flow.run("-j2", "data/recorded/classes.json", "fbank/recorded/statistics.json")
    tagging = TaskTagging.read(task["tagging"], "tagging")
    tested = []
    for fold in tagging.folds:
        clips = opened(flow, "recorded", tagging, fold, rate="")
        made = roles(clips.entries(), tagging, fold, 0)
        tested += [clips.clip_ids[i] for i in made["test"]]
        train = torch.stack([clips[int(index)].features for index in made["train"]])
        assert train.mean().abs() < 1e-3 and abs(float(train.std()) - 0.5) < 1e-3
    assert sorted(tested) == sorted(few.file)
    assert clips.labels.sum(1).tolist() == [1.0] * len(few)
    assert {clip.split for clip in read_manifest(flow.folder / "data/recorded/clips.parquet")} == {"test"}


def test_digits_by_speaker_become_clips(flow, real_audio):
    task = {
        "title": "Spoken digits",
        "data": {
            "source": {
                "kind": "list",
                "root": str(real_audio / "spoken_digits"),
                "lists": {"test": "metadata.csv"},
                "columns": {"text": None, "group": "speaker"},
            },
            "segment": {"test": {"kind": "whole"}},
        },
        "tagging": {"kind": "single_label", "frames": 128, "folds": ["jackson", "theo"]},
    }
    configured(flow, digits=task).run("-j2", "data/digits/classes.json", "fbank/digits/statistics.json")
    tagging = TaskTagging.read(task["tagging"], "tagging")
    clips = opened(flow, "digits", tagging, "theo", rate="")
    assert len(clips) == 600 and len(clips.classes) == 10
    made = roles(clips.entries(), tagging, "theo", 0)
    assert {clips.clip_ids[i].split("_")[1] for i in made["test"]} == {"theo"}
    assert len(made["test"]) == 150
