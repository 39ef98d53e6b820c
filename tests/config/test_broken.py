"""A file of config/ with a mistake stops what needs it, and nothing else."""

from __future__ import annotations

import pytest
import yaml

from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.errors import UserError
from earmark.core.places import CONFIG

OVERLAY = yaml.safe_load((CONFIG / "config.yaml").read_text())


@pytest.fixture
def loaded(tmp_path):
    def load(files, **config):
        for name, content in files.items():
            path = tmp_path / "config" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return Settings.load({**OVERLAY, **config}, tmp_path)

    return load


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title: x\n data: [", r"tasks/gtzan.yaml, line 2: this is not YAML: mapping values are not allowed"),
        (
            (CONFIG / "tasks/had.yaml").read_text() + "\nsampel_limit: 3\n",
            r"gtzan.yaml, line \d+: .*did you mean 'sample_limit'",
        ),
        ("title: x\n", "gtzan.yaml: task 'gtzan': 'data' is a required property"),
        (
            (CONFIG / "tasks/had.yaml").read_text().replace("parser: label", "parser: labal", 1),
            r"gtzan.yaml, line 19: .*did you mean 'label'",
        ),
    ],
)
def test_a_mistake_in_a_task_stops_its_targets_alone(loaded, content, said):
    settings = loaded({"tasks/gtzan.yaml": content})
    check_target("results/had_dart_0.7.json", settings)
    for target in ("results/gtzan_dart_0.7.json", "results/summary.csv"):
        with pytest.raises(UserError, match=said):
            check_target(target, settings)
    with pytest.raises(UserError, match=said):
        settings.check_all_sound()


def test_every_bad_file_is_named_at_once(loaded):
    settings = loaded({"tasks/gtzan.yaml": "[", "models/moderate.yaml": "kind: x\n"})
    with pytest.raises(UserError, match=r"^2 files cannot be used: .*gtzan.yaml.* \| .*moderate.yaml"):
        settings.check_all_sound()
    check_target("results/had_dart_0.7.json", settings)


def test_a_mistake_in_the_default_model_leaves_the_others(loaded):
    settings = loaded({"models/demo.yaml": "kind: [\n"})
    check_target("results/moderate/had_base_1.0.json", settings)
    with pytest.raises(UserError, match="models/demo.yaml, line 2"):
        check_target("results/had_base_1.0.json", settings)


def test_what_names_a_bad_file_is_stopped_by_it(loaded):
    settings = loaded({"students/ast-tiny.yaml": "sizes: 3\n"})
    check_target("results/had_dart_0.7.json", settings)
    with pytest.raises(UserError, match="students/ast-tiny.yaml"):
        check_target("results/tagging/demo_sounds_kd_r16.json", settings)


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("separators/esc10-small.yaml", "results/separation/esc10_unheard_base.json"),
        ("mixtures/esc10_unheard.yaml", "results/separation/esc10_unheard_base.json"),
        ("encoders/whisper-base.yaml", "results/encoders/whisper-base/esc10/scores.tsv"),
        ("suites/esc10.yaml", "results/encoders/whisper-base/esc10/scores.tsv"),
        ("recipes/kd.yaml", "results/tagging/demo_sounds_kd_r16.json"),
        ("teachers/mn-tiny.yaml", "teachers/mn-tiny/demo_sounds/checkpoint.json"),
    ],
)
def test_a_bad_file_is_named_and_not_called_unknown(loaded, file, target):
    separation = yaml.safe_load((CONFIG / "separation.yaml").read_text())["separation"]
    settings = loaded({file: "sizes: [\n"}, separation=separation)
    with pytest.raises(UserError, match=rf"config/{file}, line 2: this is not YAML"):
        check_target(target, settings)


def test_a_mistake_in_config_itself_stops_everything(loaded):
    with pytest.raises(UserError, match="task 'gtzan': unknown key 'parsr'"):
        loaded({}, tasks={"gtzan": {"parsr": "label"}})
