"""A user's mistake ends in one clear line and loses nothing already done."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
import soundfile
import yaml
from workflow import SMALL, Workflow


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/gtzn_dart_0.5.json", "error: unknown task 'gtzn'; did you mean 'gtzan'?"),
        ("results/gtzan_drat_0.5.json", "error: unknown method 'drat'; did you mean 'dart'?"),
        ("results/gtzan_dart_1.5.json", "error: keep ratio 1.5 is outside (0, 1]"),
    ],
)
def test_an_impossible_target_is_one_line_before_any_job(finished, target, message):
    done = finished.run("-j1", target, check=False)
    assert done.returncode != 0
    lines = [line for line in done.stdout.splitlines() if "error" in line.lower()]
    assert len(lines) == 1 and lines[0].startswith(message), done.stdout
    assert "Traceback" not in done.stdout and "Building DAG" not in done.stdout


def test_an_unknown_config_key_is_one_line(finished):
    finished.configure(SMALL | {"sede": 1})
    try:
        done = finished.run("-n", check=False)
    finally:
        finished.configure(SMALL)
    assert done.returncode != 0
    assert "error: config: unknown key 'sede'; did you mean 'seed'?" in done.stdout


def test_code_that_is_no_python_is_one_line_that_names_the_place(tmp_path):
    flow = Workflow(tmp_path)
    for name in (
        "reduction/dart.py",
        "scoring/metrics/letters.py",
        "core/progress.py",
        "training/engine.py",
    ):
        path = flow.folder / "scripts" / "earmark" / name
        sound = path.read_text()
        lines = sound.split("\n")
        number = next(n for n, line in enumerate(lines, 1) if line.startswith(("def ", "class ")))
        lines[number - 1] = f"dfe {lines[number - 1]}"
        path.write_text("\n".join(lines))
        done = flow.run("-n", "grid", check=False)
        path.write_text(sound)
        last = done.stdout.splitlines()[-1]
        assert done.returncode != 0 and last.startswith("error: ") and "Traceback" not in done.stdout
        assert f"{path}:{number}: invalid syntax; mend this line of code" in last


@pytest.fixture
def with_folder(finished, tmp_path):
    """The finished workflow with a task of the user's own."""
    return with_sounds(Workflow.copy(finished.folder, tmp_path / "flow"))


def with_sounds(flow: Workflow) -> Workflow:
    """The workflow with a task from a folder of audio."""
    audio = flow.folder / "mine"
    audio.mkdir()
    lines = ["file,label"]
    for number, label in enumerate(("hum", "hiss") * 6):
        rng = np.random.default_rng(number)
        # No two of equal content, which would be one recording.
        hum = 0.2 * np.sin(np.arange(20000) * (0.05 + 0.001 * number))
        wave = rng.standard_normal(32000) * 0.1 if label == "hiss" else hum
        soundfile.write(audio / f"{number}.wav", wave, 16000)
        lines.append(f"{number}.wav,{label}")
    (audio / "metadata.csv").write_text("\n".join(lines) + "\n")
    config = copy.deepcopy(SMALL)
    config["tasks"]["mine"] = {
        "title": "Mine",
        "question": "What is heard?",
        "data": {
            "source": {"kind": "folder", "root": "mine"},
            "segment": {"train": {"kind": "whole"}, "test": {"kind": "join", "min_s": 3, "max_s": 6}},
        },
    }
    flow.configure(config)
    return flow


def test_a_folder_with_a_broken_file_says_which_and_why(with_folder):
    (with_folder.folder / "mine" / "3.wav").write_bytes(b"")
    before = (with_folder.folder / "results/gtzan_dart_0.5.json").read_bytes()
    done = with_folder.run("-j1", "results/mine_dart_0.5.json", check=False)
    assert done.returncode != 0
    assert (
        "error: data/mine/recordings.parquet: 1 of 12 recordings cannot be used (mine/3.wav: empty file)"
        in done.stdout
    )
    assert "data.max_failed_share" in done.stdout and "Traceback" not in done.stdout
    assert (with_folder.folder / "results/gtzan_dart_0.5.json").read_bytes() == before
    assert not (with_folder.folder / "data/mine/recordings.parquet").exists()
    assert done.stdout.splitlines()[-1].startswith("error: data/mine/recordings.parquet: 1 of 12"), (
        "last on the screen"
    )

    # What the line says to do is enough.
    table = with_folder.folder / "mine/metadata.csv"
    table.write_text(table.read_text().replace("3.wav,hiss\n", ""))
    with_folder.run("-j1", "data/mine/clips.parquet")
    table.write_text(table.read_text().replace("2.wav,hum", "2.wav,hiss"))
    listed = with_folder.run("-n", "data/mine/clips.parquet").stdout
    assert "reason: source changed: mine/metadata.csv" in listed, listed
    assert with_folder.would_make("data/mine/clips.parquet") == {
        "data/mine/recordings.parquet",
        "data/mine/clips.parquet",
    }


def test_a_missing_table_is_named(with_folder):
    (with_folder.folder / "mine" / "metadata.csv").rename(with_folder.folder / "mine" / "labels.csv")
    done = with_folder.run("-j1", "results/mine_dart_0.5.json", check=False)
    assert "error: data.source.table: there is no file mine/metadata.csv" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_missing_folder_is_named_before_any_job(with_folder):
    shutil.rmtree(with_folder.folder / "mine")
    done = with_folder.run("-j1", "results/mine_dart_0.5.json", check=False)
    assert "error: task 'mine': data.source.root: there is no folder mine" in done.stdout
    assert "Building DAG" not in done.stdout


def test_audio_over_the_limit_follows_the_policy_and_is_counted(tmp_path):
    """One run for all three: what each policy makes of a clip, tests/evaluation/test_plan.py says."""
    flow, policies = with_sounds(Workflow(tmp_path)), ("truncate", "window", "error")
    config = yaml.safe_load((flow.folder / "small.yaml").read_text())
    config["default_model"] = "moderate"
    config["models"]["moderate"]["max_audio_s"] = 5
    config["tasks"] |= {policy: config["tasks"]["mine"] | {"long_audio": policy} for policy in policies}
    targets = [f"results/{policy}_frame_0.5.json" for policy in policies]
    flow.configure(config)
    done = flow.run("-j1", "--keep-going", *targets, check=False)
    assert done.returncode != 0
    cut, windowed = (json.loads((flow.folder / path).read_text())["counts"] for path in targets[:2])
    long = cut["truncated"]
    assert long > 0 and windowed["windowed"] == long
    assert cut["windowed"] == windowed["truncated"] == 0

    answers = flow.folder / "answers/moderate/error_frame_0.5.jsonl"
    kept = answers.read_text()
    assert kept, "the short clips were answered and are kept"
    assert f"{long} of" in done.stdout and "longer than the model's limit (long_audio: error)" in done.stdout

    config["evaluate"]["max_failed_share"] = 1.0
    flow.configure(config)
    flow.run("-j1", targets[2])
    assert answers.read_text() == kept, "finished rows were made again"
    counts = json.loads((flow.folder / targets[2]).read_text())["counts"]
    assert counts["failed"] == long and counts["scored"] == len(kept.splitlines()) - long
