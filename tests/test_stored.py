"""Encoder states are computed once for all tasks with the same data."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from earmark.config.settings import Settings
from earmark.config.stored import states_folder
from earmark.config.yaml_files import read_yaml
from earmark.core.places import CONFIG


@pytest.fixture
def settings(tmp_path):
    def load(**tasks):
        config = read_yaml(Path(CONFIG) / "config.yaml")
        return Settings.load({**copy.deepcopy(config), "tasks": tasks}, tmp_path)

    return load


def test_tasks_that_ask_of_the_same_clips_share_their_states(settings):
    found = {task: states_folder(settings(), "real-sounds", task) for task in ("esc10", "esc10_options")}
    assert set(found.values()) == {"features/whisper-base/esc10"}


def test_joined_clips_are_other_clips(settings):
    assert states_folder(settings(), "real-sounds", "esc10_long") == "features/whisper-base/esc10_long"


def test_a_model_trained_for_a_task_hears_for_itself(settings):
    assert states_folder(settings(), "demo", "esc10_options") == "features/demo/esc10_options"


@pytest.mark.parametrize("limited", ["esc10", "esc10_options"])
def test_a_limit_chooses_clips_of_its_own(settings, limited):
    limits = settings(**{limited: {"sample_limit": 3}})
    assert states_folder(limits, "real-sounds", "esc10_options") == "features/whisper-base/esc10_options"
