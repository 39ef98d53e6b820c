"""What predictions and results read of the configuration: all they depend on, and nothing else."""

from __future__ import annotations

import pytest
import yaml

from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.systems.tagging import request, sweep
from earmark.systems.tagging.request import Run


@pytest.fixture
def config() -> dict:
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def loaded(config: dict, **changes) -> Settings:
    return Settings.load(config | changes, ROOT)


def test_the_embedded_grid_is_what_the_documentation_says(config):
    found = {request.path(*cell) for cell in request.cells(loaded(config))}
    expected = {
        f"results/tagging/demo_sounds_{name}_r{r}.json" for name in ("plain", "kd") for r in (0, 4, 8, 16, 32)
    }
    baselines = {f"results/tagging/demo_sounds_{name}-s16_r0.json" for name in ("plain", "kd")}
    assert found == expected | baselines


def test_labels_say_what_is_a_stand_in(config):
    settings = loaded(config)
    assert sweep.result(settings, "demo_sounds", "kd", "8").run.labels == ["demo", "synthetic"]
    assert sweep.result(settings, "audioset", "kd-base", "8").run.labels == []
    assert sweep.result(settings, "audioset", "kd", "8").run.labels == ["demo"]


def test_a_prediction_does_not_depend_on_how_students_are_trained_or_results_scored(config):
    run = Run("all", 0)
    changed = {
        "tagging": config["tagging"] | {"bootstrap": 500},
        "recipes": {"kd": {"training": {"epochs": 3}, "lambda": 0.5}},
        "evaluate": config["evaluate"] | {"max_failed_share": 0.5},
    }
    before, after = (
        sweep.prediction(settings, "demo_sounds", "kd", "8", run)
        for settings in (loaded(config), loaded(config, **changed))
    )
    assert before == after


def test_listed_schedules_reach_the_jobs_that_use_them(config):
    settings = loaded(config, tagging=config["tagging"] | {"schedules": {"steep": [30, 10], "other": [1]}})
    found = sweep.prediction(settings, "demo_sounds", "kd", "steep", Run("all", 0))
    assert found.schedules == {"steep": [30, 10]}
    assert sweep.result(settings, "demo_sounds", "kd", "8").schedules == {}


def test_what_the_data_stages_let_pass_is_allowed_in_the_result_too(config):
    share = sweep.result(loaded(config), "audioset", "kd-base", "0").run.max_failed_share
    assert share == 0.35


@pytest.mark.parametrize("r", ["0", "16", "64d"])
def test_one_training_serves_every_r_unless_the_recipe_trains_with_it(config, r):
    settings = loaded(config, recipes={"plain": {"train_r": "same"}})
    assert (
        request.folder(settings, "demo_sounds", "kd", r, Run("all", 1)) == "students/demo_sounds/kd/r0/all-1"
    )
    assert (
        request.folder(settings, "demo_sounds", "plain", r, Run("all", 1))
        == f"students/demo_sounds/plain/r{r}/all-1"
    )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/tagging/demo_sound_kd_r8.json", "unknown task 'demo_sound'; did you mean 'demo_sounds'?"),
        ("results/tagging/gtzan_kd_r8.json", "task 'gtzan' has no tagging section"),
        ("results/tagging/demo_sounds_kdd_r8.json", "unknown recipe 'kdd'; did you mean 'kd'?"),
        ("results/tagging/demo_sounds_kd_r8x.json", "unknown merging schedule '8x'"),
        (
            "results/tagging/demo_sounds_kd_8.json",
            "results are called results/tagging/<task>_<recipe>_r<r>.json",
        ),
        (
            "results/tagging/speed/demo_sounds_ast-tyni_r8.json",
            "unknown student 'ast-tyni'; did you mean 'ast-tiny'?",
        ),
    ],
)
def test_an_impossible_target_names_what_is_meant(config, target, message):
    with pytest.raises(UserError) as caught:
        check_target(target, loaded(config))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_results_and_what_lies_beside_them_are_possible_targets(config):
    for ending in (".json", ".jsonl", ".resamples.parquet"):
        path = f"results/tagging/demo_sounds_kd_r16d{ending}"
        check_target(path, loaded(config))
        assert request.cell_of(path) == ("demo_sounds", "kd", "16d")
