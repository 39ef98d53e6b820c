"""A composed model is trained from stored states: what changes is saved, and nothing else."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from compose import main as compose
from earmark.config.asked import Heard
from earmark.config.compose import Fold
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.records import Clip
from earmark.models.checkpoint import Checkpoint
from earmark.models.composed import Decoder
from earmark.models.features import FeatureRow, FeatureStore, write_index
from earmark.training.recipes.composed import Lesson
from earmark.training.recipes.held_out import without

TASK = {
    "name": "sounds",
    "heard_as": "sounds",
    "title": "Sounds",
    "profile": "default",
    "question": "Which?",
    "options": 2,
    "prompt": {"template": "{question}\n{options}\n", "system": None, "option_mark": "."},
    "choices": None,
    "metric": "classes",
    "parser": "label",
}
SETTINGS = {
    "projector": {"kind": "linear", "pool": 1, "stack": 2, "hidden": 8},
    "hold_out": None,
    "lora": None,
    "seed": 0,
    "steps": 6,
    "rows": 3,
    "tokens": 200,
    "rate": 0.01,
    "weight_decay": 0.0,
    "warmup": 1,
    "dtype": "float32",
    "save_every": 2,
    "device": "cpu",
    "tasks": [TASK],
    "kinds": {"encoder": "whisper", "decoder": "causal_lm"},
}
LORA = {"rank": 2, "alpha": 4, "dropout": 0.0, "targets": ["q_proj", "up_proj"], "rate": 0.01}


@pytest.fixture
def train(whisper, causal_lm, tmp_path):
    """Train on four clips whose states tell their class; returns the checkpoint."""
    folder = tmp_path / "features" / "sounds"
    folder.mkdir(parents=True)
    draw = torch.Generator().manual_seed(0)
    clips = [Clip(f"c{i}", [f"c{i}"], [], 1.0, 16000, 1, "train", [["dog", "rain"][i % 2]]) for i in range(4)]
    for number, clip in enumerate(clips):
        clip.key, clip.group = f"k{number}", "aabb"[number]
    states = {c.key: torch.randn(50, 32, generator=draw) + (c.labels[0] == "dog") for c in clips}
    save_file(states, folder / "s.safetensors")
    parts = {}
    for name, part in (("encoder", whisper), ("decoder", causal_lm)):
        parts[name] = tmp_path / f"{name}.json"
        write_json(parts[name], {**part.content, "folder": str(part.folder)})
    rows = [FeatureRow(clip, 50, 0, 0, 0) for clip in clips]
    write_index(folder / "s.parquet", rows, {"model_digest": whisper.digest})

    def run(output="model", **changes):
        settings = json.dumps(SETTINGS | changes)
        record = tmp_path / output / "checkpoint.json"
        shard, index = [folder / "s.safetensors"], [folder / "s.parquet"]
        compose(shard, index, parts["encoder"], parts["decoder"], settings, record, tmp_path / "work")
        return Checkpoint.read(record)

    return run


def test_the_projector_alone_is_saved_and_learns(train, causal_lm):
    before = load_file(causal_lm.folder / "model.safetensors")
    made = train(steps=30)
    stage = json.loads((made.folder / "training.json").read_text())["stages"][0]
    assert stage["curve"][-1][1] < 0.7 * stage["curve"][0][1]
    assert {p.name for p in made.folder.iterdir()} == {
        "checkpoint.json", "config.json", "model.safetensors", "training.json",
    }  # fmt: skip
    after = load_file(causal_lm.folder / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert Decoder(made, "cpu", "float32", "sdpa").project(torch.zeros(50, 32)).shape == (25, 32)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(train):
    first, again, other = train("a"), train("b"), train("c", seed=1)
    assert first.digest == again.digest != other.digest


def test_an_adapter_is_trained_and_read_with_the_model(train, causal_lm):
    made = train(lora=LORA)
    assert (made.folder / "adapter" / "adapter_model.safetensors").is_file()
    plain = load_file(causal_lm.folder / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    own = Decoder(made, "cpu", "float32", "sdpa").model.layers[0].self_attn.q_proj.weight
    assert not torch.equal(own, plain) and torch.allclose(own, plain, atol=0.2)


def test_the_record_of_a_model_names_its_adapter(train):
    plain, adapted = train("a"), train("b", lora=LORA)
    weights = "adapter/adapter_model.safetensors"
    assert weights in adapted.content["files"] and weights not in plain.content["files"]
    changed = adapted.folder / "adapter" / "adapter_config.json"
    changed.write_text(changed.read_text() + " ")
    with pytest.raises(UserError, match="adapter_config.json is not the file"):
        Checkpoint.read(adapted.folder / "checkpoint.json")


def test_tasks_of_the_same_clips_learn_from_the_same_states(train):
    other = {**TASK, "name": "named", "question": "Name it.", "choices": ["dog", "rain"]}
    stage = json.loads((train(tasks=[TASK, other]).folder / "training.json").read_text())["stages"][0]
    assert stage["steps"] == SETTINGS["steps"]


@pytest.mark.parametrize("hold_out", [0.5, ["b"]])
def test_what_is_held_out_is_asked_and_not_learned(train, hold_out):
    plain, held = train("plain", steps=8), train("held", steps=8, hold_out=hold_out)
    epochs = json.loads((held.folder / "training.json").read_text())["stages"][0]["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3, 4] and plain.digest != held.digest
    assert {0.0, 0.5, 1.0} >= {epoch["sounds_answers"] for epoch in epochs}, "two of four clips are asked"
    assert epochs[-1]["sounds_loss"] < epochs[0]["sounds_loss"]


def test_folds_ask_every_clip_once_and_part_no_recording():
    sources = ["a", "a", "b", "c", "d", "d", "e"]
    clips = [
        Clip(f"c{i}", [source], [], 1.0, 16000, 1, "train", [["dog", "rain"][source > "c"]])
        for i, source in enumerate(sources)
    ]
    asked = []
    for fold in (1, 2):
        (kept,), (held,) = without(
            [Lesson(Heard.read(TASK, "task"), clips, {}, FeatureStore([]))], Fold(fold=fold, of=2)
        )
        ours, theirs = ({clip.source_id[0] for clip in lesson.clips} for lesson in (kept, held))
        assert ours.isdisjoint(theirs) and len(kept.clips) + len(held.clips) == len(clips)
        asked += [clip.clip_id for clip in held.clips]
    assert sorted(asked) == [clip.clip_id for clip in clips]


def test_joined_clips_are_held_out_with_the_recordings_they_are_made_of():
    """Also where they are asked alone; what mixes both halves is left out."""
    single = [Clip(f"c{n}", [n], [], 1.0, 16000, 1, "train", ["dog"]) for n in "abcd"]
    joined = [Clip(f"j{n}", list(n), [], 2.0, 16000, 1, "train", ["dog"]) for n in ("ac", "bd", "bc", "ca")]
    task, store = Heard.read(TASK, "task"), FeatureStore([])
    lessons = [Lesson(task, single, {}, store), Lesson(task, joined, {}, store)]
    kept, held = without(lessons, Fold(fold=1, of=2))
    said = [[clip.clip_id for clip in lesson.clips] for lesson in kept + held]
    assert said == [["cb", "cd"], ["jbd"], ["ca", "cc"], ["jac", "jca"]]
    kept, held = without(lessons, Fold(fold=2, of=2), only_asked=1)
    said = [[clip.clip_id for clip in lesson.clips] for lesson in kept + held]
    assert said == [["ca", "cc"], ["cb", "cd"], ["jbd"]]


def test_a_task_that_is_only_asked_is_not_learned_from(train):
    other = {**TASK, "name": "named", "question": "Name it.", "choices": ["dog", "rain"]}
    alone = train("alone", steps=8, hold_out=["b"])
    asked = train("asked", steps=8, hold_out=["b"], ask=[other])
    epochs = json.loads((asked.folder / "training.json").read_text())["stages"][0]["epochs"]
    assert {"sounds_answers", "named_answers"} <= set(epochs[-1])
    for name in ("model.safetensors", "config.json"):
        assert (asked.folder / name).read_bytes() == (alone.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("hold_out", "said"), [(["c"], "holds out no clip"), (["a", "b"], "leaves nothing to learn from of task")]
)
def test_a_hold_out_of_none_or_all_is_refused(train, hold_out, said):
    with pytest.raises(UserError, match=said):
        train(hold_out=hold_out)


def test_features_of_another_encoder_are_refused_before_training(train, tmp_path):
    record = json.loads((tmp_path / "encoder.json").read_text())
    write_json(tmp_path / "encoder.json", record | {"digest": "another"})
    with pytest.raises(UserError, match="s.safetensors is of another encoder than the model's; delete it"):
        train()


def test_a_flipped_byte_in_the_states_is_refused_before_training(train, tmp_path):
    path = tmp_path / "features" / "sounds" / "s.safetensors"
    index = path.with_suffix(".parquet")
    rows = [FeatureRow(Clip("c", ["c"], [], 1.0, 16000, 1, "train", ["dog"]), 50, 0, 0, 0)]
    write_index(index, rows, {"states_sha256": "0" * 64, "model_digest": ""})
    with pytest.raises(UserError, match="s.safetensors is no longer the file its index was written with"):
        train()
