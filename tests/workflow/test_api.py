"""Targets are explained however Snakemake is told them: on a command line or through its API."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import warm
from workflow import SMALL

from earmark.core.places import ROOT

THROUGH_THE_API = """
import sys
from pathlib import Path

from snakemake.api import (
    ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi, WorkflowSettings
)

root, config, target = sys.stdin.read().split()
with SnakemakeApi(OutputSettings(dryrun=True)) as api:
    workflow = api.workflow(
        snakefile=Path(root) / "Snakefile",
        workdir=Path.cwd(),
        resource_settings=ResourceSettings(cores=1),
        config_settings=ConfigSettings(configfiles=[Path(config)]),
        workflow_settings=WorkflowSettings(),
    )
    dag = workflow.dag(dag_settings=DAGSettings(targets={target}))
    try:
        dag.execute_workflow(executor="dryrun")
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(1)
"""


@pytest.fixture
def config(tmp_path) -> Path:
    """A config file whose name looks like a result's."""
    path = tmp_path / "results/paper_run_v1.json"
    path.parent.mkdir()
    path.write_text(json.dumps(SMALL))
    return path


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("results/gtzan_dart_0.5.json", None),
        ("results/gtzan_dartt_0.5.json", "unknown method 'dartt'; did you mean 'dart'?"),
        ("gird", "there is no target 'gird'; did you mean 'grid'?"),
    ],
)
def test_the_api_says_what_a_command_line_says(config, tmp_path, target, said):
    program = tmp_path / "through_the_api.py"
    program.write_text(THROUGH_THE_API)
    done = subprocess.run(
        [warm.python(), str(program)],
        input=f"{ROOT} {config} {target}",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    told = done.stdout + done.stderr
    assert done.returncode == (0 if said is None else 1), told
    assert said is None or f"Mistake: {said}" in done.stdout, told
    assert "Traceback" not in told


def test_the_value_of_an_option_is_no_target(config, tmp_path):
    command = [warm.python(), "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "-n"]
    command += ["data/gtzan/clips.parquet", "--configfile", str(config)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unknown task 'paper'" not in done.stdout + done.stderr
