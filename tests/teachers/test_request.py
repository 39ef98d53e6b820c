"""What is wrong with a teacher's settings is said before anything runs; templates harm nobody."""

from pathlib import Path

import pytest
import yaml

from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.errors import UserError
from earmark.core.places import CONFIG
from earmark.systems.tagging.teachers import request
from earmark.systems.tagging.teachers.classes import named, order

TAGGING = {"kind": "multi_label", "frames": 128}


def settings(teachers: dict | None = None, **task) -> Settings:
    data = {"source": {"kind": "folder", "root": "/x"}, "sample_rate": 32000} | task.pop("data", {})
    tasks = {"sounds": {"title": "Sounds", "data": data, "question": "?", "tagging": TAGGING | task}}
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    return Settings.load({**config, "teachers": teachers or {}, "tasks": tasks}, Path())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"widht": 1, "train": {}}, "teacher 'x': options: unknown key 'widht'; did you mean 'width'"),
        ({"train": {"step": 3}}, "unknown key 'train.step'; did you mean 'steps'"),
        ({}, "teacher 'x': options: give either path or train"),
        ({"path": "a.pt", "train": {}}, "give either path or train"),
        ({"train": {}, "head": "attention"}, "head"),
    ],
)
def test_options_are_checked_by_kind_with_a_hint(options, said) -> None:
    with pytest.raises(UserError, match=said):
        settings({"x": {"title": "x", "kind": "mobilenet", "options": options}})


def test_the_other_kinds_are_checked_too() -> None:
    with pytest.raises(UserError, match="give either path or hub"):
        settings({"x": {"title": "x", "kind": "transformers", "options": {}}})
    with pytest.raises(UserError, match="'path' is a required property"):
        settings({"x": {"title": "x", "kind": "table", "options": {}}})


def test_published_teachers_are_named_by_width_and_harm_nobody_without_their_files() -> None:
    loaded = settings()
    options = {name: entry.plain()["options"] for name, entry in loaded.named["teachers"].items()}

    widths = {name: each["width"] for name, each in options.items() if "path" in each}
    assert widths == {"mn04": 0.4, "mn10": 1, "mn20": 2, "mn30": 3, "mn40": 4}
    with pytest.raises(UserError, match=r"there is no checkpoints/mn10_as_mAP_471.pt; get it from https://"):
        request.check_reach(loaded, "mn10")
    request.check_reach(loaded, "mn-tiny")


def test_a_rate_below_the_teachers_is_known_before_anything_runs() -> None:
    low = settings(data={"sample_rate": 16000})

    with pytest.raises(
        UserError, match="the shards' 16000 Hz lack what it hears above 8000 Hz; set data.sample"
    ):
        request.check(low, "mn-tiny", "sounds")
    request.check(settings(), "mn-tiny", "sounds")
    raised = {"mn-tiny": {"options": {"upsample": True}}}
    request.check(settings(raised, data={"sample_rate": 16000}), "mn-tiny", "sounds")


def test_a_teacher_is_not_trained_on_clips_that_a_fold_tests() -> None:
    folded = settings(folds=["1", "2"])

    with pytest.raises(UserError, match="it would have heard the clips of the test"):
        request.check(folded, "mn-tiny", "sounds")
    request.check(folded, "mn10", "sounds")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("teachers/mn-tyni/sounds/teacher.json", "unknown teacher 'mn-tyni'; did you mean 'mn-tiny'"),
        ("logits/mn-tiny/sound/train-00000-of-00001.json", "unknown task 'sound'; did you mean 'sounds'"),
        ("teachers/mn-tiny/gtzan/teacher.json", "the task has no tagging section"),
        ("teachers/mn10/sounds/teacher.json", "there is no checkpoints/mn10"),
    ],
)
def test_a_target_that_cannot_be_made_says_why(target, said) -> None:
    with pytest.raises(UserError, match=said):
        check_target(target, settings())


def test_a_path_set_in_config_replaces_the_training() -> None:
    loaded = settings({"mn-tiny": {"options": {"path": "a.pt"}}})

    assert not request.trained(loaded, "mn-tiny")


def test_audiosets_classes_are_known_by_name_and_order(tmp_path) -> None:
    with pytest.raises(UserError, match="knows the 527 classes of AudioSet, and the task has 2 others"):
        named("audioset", ["a", "b"], "teacher 't'")
    with pytest.raises(UserError, match="there is no file .*x.csv"):
        named(str(tmp_path / "x.csv"), ["a"], "teacher 't'")
    assert named("task", ["b", "a"], "t") == ["b", "a"]
    assert order(["x", "y", "z"], ["z", "x", "y"], "t") == [2, 0, 1]


def test_audiosets_own_list_is_taken_in_its_order(real_audio) -> None:
    import csv

    path = real_audio / "audioset_meta" / "class_labels_indices.csv"
    with path.open() as stream:
        names = [row["display_name"] for row in csv.DictReader(stream)]

    assert named("audioset", names, "t") == names
    with pytest.raises(UserError, match="in another order than they were published in"):
        named("audioset", sorted(names), "t")
    assert order(named(str(path), sorted(names), "t"), sorted(names), "t")[0] == names.index(sorted(names)[0])
