"""Stale means stale, no more and no less: what real Snakemake would run after each kind of change."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from workflow import SMALL, Workflow

CELLS = {f"results/gtzan_{cell}.json" for cell in ("base_1.0", "dart_0.5", "random_0.5")}
ANSWERS = {path.replace("results/", "answers/demo/") for path in CELLS}


@contextlib.contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """Replace text in a file for the length of a block; times change too, as an editor's would."""
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        yield
    finally:
        path.write_text(before)


@contextlib.contextmanager
def configured(flow: Workflow, **changes) -> Iterator[None]:
    flow.configure(copy.deepcopy(SMALL) | changes)
    try:
        yield
    finally:
        flow.configure(SMALL)


def test_after_a_run_there_is_nothing_to_do(finished):
    assert finished.would_make("all") == set()


def test_editing_a_method_reruns_its_results_only(finished):
    with edited(
        finished.folder / "scripts/earmark/reduction/dart.py", "import torch\n", "import torch\n\nN = 1\n"
    ):
        made = finished.would_make("grid")
    assert made == {"answers/demo/gtzan_dart_0.5.json", "results/gtzan_dart_0.5.json"}


@pytest.mark.parametrize("name", ["intervals", "choices", "parsers/letter", "metrics/classes"])
def test_how_answers_are_read_and_scored_asks_no_model_again(finished, name):
    path = finished.folder / f"scripts/earmark/scoring/{name}.py"
    with edited(
        path, "from __future__ import annotations\n", "from __future__ import annotations\n\nN = 1\n"
    ):
        assert finished.would_make("grid") == CELLS


def test_a_profile_that_reads_otherwise_scores_the_same_answers(finished):
    tasks = copy.deepcopy(SMALL["tasks"])
    tasks["gtzan"]["profiles"] = {"mine": {"parser": "reference_letter"}}
    with configured(finished, tasks=tasks, profile="mine"):
        assert finished.would_make("grid") == CELLS
    with configured(finished, evaluate=SMALL["evaluate"] | {"bootstrap": 200, "max_failed_share": 0.5}):
        assert finished.would_make("grid") == CELLS


def test_words_and_layout_of_the_code_rerun_nothing(finished):
    with contextlib.ExitStack() as edits:
        for name in (
            "reduction/dart.py",
            "core/files.py",
            "core/errors.py",
            "core/progress.py",
            "core/cli.py",
        ):
            path = finished.folder / "scripts/earmark" / name
            edits.enter_context(edited(path, '"""', '""" '))
            edits.enter_context(edited(path, "\n\n\n", "\n\n\n# A remark.\n\n\n"))
        assert finished.would_make("all") == set()


def test_a_prompt_reruns_results_but_not_features(finished):
    with edited(
        finished.folder / "config/tasks/gtzan.yaml", "Answer with the letter only", "Just the letter"
    ):
        assert finished.would_make("grid") == CELLS | ANSWERS


def test_touching_code_inputs_or_the_readme_reruns_nothing(finished):
    for name in (
        "scripts/earmark/reduction/dart.py",
        "scripts/answer.py",
        "config/tasks/gtzan.yaml",
        "features/demo/gtzan/test-00000-of-00001.parquet",
        "data/gtzan/clips.parquet",
    ):
        os.utime(finished.folder / name)
    with edited(finished.folder / "README.md", "earmark", "earmark <!-- a comment -->"):
        assert finished.would_make("all") == set()


def test_a_new_ratio_is_one_job(finished):
    assert finished.would_make("results/gtzan_dart_0.35.json") == {
        "answers/demo/gtzan_dart_0.35.json",
        "results/gtzan_dart_0.35.json",
    }


def test_config_a_rule_does_not_read_reruns_nothing_of_it(finished):
    with configured(finished, features={"batch_audio_s": 120}, prefill=[]):
        assert finished.would_make("grid") == set()
    with configured(finished, methods={"dart-l2": {"reducer": "dart", "layer": 2}}):
        assert finished.would_make("grid") == set()


def test_a_model_setting_of_evaluation_leaves_features_and_training_alone(finished):
    models = copy.deepcopy(SMALL["models"])
    models["demo"]["max_audio_s"] = 6
    with configured(finished, models=models):
        assert finished.would_make("grid") == CELLS | ANSWERS


def test_training_settings_retrain_and_everything_after(finished):
    models = copy.deepcopy(SMALL["models"])
    models["demo"]["train"]["seed"] = 1
    with configured(finished, models=models):
        made = finished.would_make("grid")
    assert made > CELLS and "models/demo/gtzan/checkpoint.json" in made
    assert not any(name.startswith("data/") for name in made)


def test_pinned_versions_rerun_only_where_config_says_so(finished):
    pins = finished.folder / "envs/report.yaml"
    with edited(pins, "pandas==", "pandas==9."):
        assert finished.would_make("grid") == set(), "record is the default"
    with configured(finished, versions="rerun"):
        assert finished.would_make("grid") >= CELLS, "what was made without is made again"
