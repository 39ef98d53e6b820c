"""Classes come from config, the source's list or the data, in that order; mistakes are named early."""

from __future__ import annotations

import json
import subprocess

import pytest
import warm
from tagging_task import TAGGING, changed

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.core.records import Clip, write_manifest
from earmark.systems.tagging import classes
from earmark.systems.tagging.classes import Classes, of_task


def clip(number, labels, group=""):
    return Clip(f"c{number}", [f"c{number}"], [], 1.0, 16000, 1, "train", labels, group=group)


CLIPS = [clip(0, ["rain"], "1"), clip(1, ["dog", "rain"], "2"), clip(2, ["cat"], "1")]


def test_without_a_word_classes_are_all_labels_sorted():
    assert of_task("x", TAGGING, None, CLIPS).names == ("cat", "dog", "rain")


def test_config_decides_the_order_and_may_name_classes_no_clip_has(capsys):
    made = of_task("x", changed(classes=["wind", "rain", "dog", "cat"]), None, CLIPS)
    assert made.names == ("wind", "rain", "dog", "cat")
    assert "no clip has the label wind" in capsys.readouterr().out


def test_the_sources_list_gives_audiosets_order_and_codes(real_audio):
    listed = real_audio / "audioset_meta" / "class_labels_indices.csv"
    made = of_task("audioset", TAGGING, listed, [clip(0, ["Speech", "Rain"])])
    assert len(made) == 527
    assert (made.names[0], made.codes[0]) == ("Speech", "/m/09x0r")
    assert (made.names[1], made.index("Male speech, man speaking")) == ("Male speech, man speaking", 1)


def test_labels_become_multi_hot_vectors():
    made = of_task("x", TAGGING, None, CLIPS)
    assert made.multi_hot(["rain", "cat"]).tolist() == [1, 0, 1]
    assert made.multi_hot([]).tolist() == [0, 0, 0]
    with pytest.raises(UserError, match="label 'rian' is not among the classes; did you mean 'rain'"):
        made.multi_hot(["rian"])


def test_files_are_read_back_and_damage_is_named(tmp_path):
    made = of_task("x", TAGGING, None, CLIPS)
    made.write(tmp_path / "classes.json")
    assert Classes.read(tmp_path / "classes.json") == made
    content = json.loads((tmp_path / "classes.json").read_text())
    assert content["classes"][0] == {"name": "cat", "code": ""}
    assert (
        content["digest"] == classes.digest(["cat", "dog", "rain"]) != classes.digest(["dog", "cat", "rain"])
    )
    content["classes"].reverse()
    (tmp_path / "classes.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="classes.json is damaged"):
        Classes.read(tmp_path / "classes.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"classes": ["rian", "dog", "cat"]},
            "'c0' has the label 'rain', which is no class; did you mean 'rian'",
        ),
        ({"kind": "single_label"}, r"single_label, but clip 'c1' has 2 labels \(dog, rain\); set kind"),
        ({"folds": ["1", "2", "3"]}, "folds: no clip has the group '3'; known: 1, 2"),
    ],
)
def test_mistakes_are_one_line_that_names_the_key(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        of_task("x", changed(**changes), None, CLIPS)
    assert str(caught.value).startswith("task 'x': tagging.")
    assert "\n" not in str(caught.value)


def test_failed_clips_decide_nothing():
    failed = clip(3, ["noise"])
    failed.fail("missing")
    assert "noise" not in of_task("x", TAGGING, None, [*CLIPS, failed]).names


def test_the_script_ends_in_one_line(tmp_path):
    write_manifest(tmp_path / "clips.parquet", CLIPS)
    command = [warm.python(), str(SCRIPTS / "classes.py"), "--clips", "clips.parquet", "--task", "x"]
    settings = json.dumps(changed(kind="single_label").chosen("kind", "classes", "folds"))
    done = subprocess.run(
        [*command, "--settings", settings, "--output", "classes.json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: task 'x': tagging.kind")
    assert not (tmp_path / "classes.json").exists()
