"""Training and evaluation files in upstream's format: what they say, and what is refused of them."""

from __future__ import annotations

import pytest
import yaml

from earmark.core.errors import UserError
from earmark.systems.encoders.blocks import Block, TrainFile, eval_file
from earmark.systems.encoders.shard import Shard, shards_of

TRAIN = """
max_steps: 5000
num_training_workers: 4
train_data:
  MyName:
    data:
      - tars/a_{00..03}.tar
    prompt: ["What is it?", Name it.]
    key: field1;field2
    prob: 0.5
    repo_id: owner/name
"""
EVAL = """
eval_Mine:
  data: {data: x.tar, prompt: Name it., key: label}
  metric: mAP
  metric_args: {num_classes: 3}
  batch_size: 16
"""


def names(data, **more):
    return [shard.path for shard in shards_of(Block(data=data, **more), "mine")]


def test_a_training_file_is_read():
    file = TrainFile.read(yaml.safe_load(TRAIN), "train.yaml")
    assert file.training() == {"max_steps": 5000}
    assert [s.inside for s in shards_of(file.train_data["MyName"], "x")][-1] == "tars/a_03.tar"


def test_an_evaluation_file_is_read():
    [(name, block)] = eval_file(yaml.safe_load(EVAL), "eval.yaml").items()
    assert (name, block.metric, block.metric_args.num_classes, block.weight) == ("mine", "mAP", 3, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"max_step": 3, "train_data": {"a": {"data": "x"}}},
            "unknown key 'max_step'; did you mean 'max_steps'",
        ),
        ({"train_data": {"a": {"data": "x", "promt": ""}}}, "unknown key 'train_data.a.promt'; did you mean"),
        ({"train_data": {"a": {}}}, "train_data.a: 'data' is a required property"),
        ({"train_data": {}}, "train_data: needs at least 1 entries"),
    ],
)
def test_a_mistake_in_a_training_file_ends_in_one_line(content, message):
    with pytest.raises(UserError, match=f"^t.yaml: {message}"):
        TrainFile.read(content, "t.yaml")


EVALUATION = {"data": {"data": "x.tar"}, "metric": "Accuracy"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"eval_a": {"data": {"data": "x"}, "metric": "WER"}},
            "eval_a: metric: 'WER' is not one of 'Accuracy'",
        ),
        (
            {"eval_a": {"data": {"data": "x"}, "metrics": "iWER"}},
            "eval_a: unknown key 'metrics'; did you mean",
        ),
        ({"eval_My Set": EVALUATION}, "'eval_My Set' cannot be a file's name"),
        ({"eval_a/b": EVALUATION}, "'eval_a/b' cannot be a file's name"),
        ({"eval_ESC": EVALUATION, "esc": EVALUATION}, "'esc': there is another 'esc'"),
        (["a"], "evaluations: .* is not of type 'object'"),
    ],
)
def test_a_mistake_in_an_evaluation_file_ends_in_one_line(content, message):
    with pytest.raises(UserError, match=f"^e.yaml: {message}"):
        eval_file(content, "e.yaml")


def test_braces_are_padded_like_a_shell_pads_them():
    assert names("a_{00..03}.tar", repo_id="o/n") == [f"xares_data/a_0{i}.tar" for i in range(4)]
    assert len(names("NSynth/train/train_000{000..371}.tar.gz", repo_id="o/n")) == 372
    assert names(["b_{1..2}.tar", "b_1.tar"], repo_id="o/n") == ["xares_data/b_1.tar", "xares_data/b_2.tar"]


def test_patterns_of_local_files_are_found_sorted_and_once(tmp_path):
    for name in ("x_1.tar", "x_0.tar", "y.tar"):
        (tmp_path / name).touch()
    assert names([f"{tmp_path}/x_*.tar", f"{tmp_path}/x_{{0..1}}.tar"]) == [
        f"{tmp_path}/x_{i}.tar" for i in "01"
    ]
    with pytest.raises(UserError, match="mine.data: no file matches"):
        names(f"{tmp_path}/nothere_*.tar")
    with pytest.raises(UserError, match="mine.data: there is no file"):
        names(f"{tmp_path}/nothere.tar")


def test_an_address_lies_at_its_last_three_parts_and_never_outside():
    assert names("http://h/p/q/r/{0..1}.tar") == ["xares_data/q/r/0.tar", "xares_data/q/r/1.tar"]
    assert names("http://h/p/0.tar?x=1") == ["xares_data/p/0.tar"]
    with pytest.raises(UserError, match="leads out of the folder"):
        names("../0.tar", repo_id="o/n")


def test_shards_of_one_name_in_several_places_are_told_apart():
    blocks = [Block(data="a/t.tar", repo_id="o/n"), Block(data="b/t.tar", repo_id="o/n")]
    first, second = (shards_of(block, "x")[0].name for block in blocks)
    assert first != second and first.startswith("t-")


def test_a_shard_is_called_the_same_where_its_result_is_made_again(tmp_path, monkeypatch):
    made = "data/esc10/shards/train-00000-of-00001.tar"
    fetched = Shard("xares_data/a.tar", "owner/name", "main", "a.tar")
    monkeypatch.chdir(tmp_path)
    names = [Shard(str(tmp_path / "tars/a.tar")).name, Shard(made).name, fetched.name]
    assert Shard("tars/a.tar").name == names[0]
    monkeypatch.chdir("/")
    assert [Shard(str(tmp_path / "tars/a.tar")).name, Shard(made).name, fetched.name] == names
