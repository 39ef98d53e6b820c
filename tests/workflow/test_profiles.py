"""The profiles: each plans the same jobs; the submit and status commands of the generic one work."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from workflow import Workflow

from earmark.core.places import ROOT

CELL = "results/gtzan_dart_0.5.json"
GENERIC = ROOT / "profiles" / "cluster-generic"


def planned(printed: str) -> list[str]:
    # Those of grouped jobs stand further in.
    return sorted(line.strip() for line in printed.splitlines() if line.lstrip().startswith("output: "))


# Kubernetes needs its bucket: test_storage.py.
@pytest.mark.parametrize("profile", ["gpu", "slurm", "cluster-generic"])
def test_a_profile_plans_the_same_jobs(tmp_path, profile):
    flow = Workflow(tmp_path)
    plain = planned(flow.run("-n", "-p", CELL).stdout)
    assert len(plain) > 5
    listed = flow.run("-n", "-p", "--workflow-profile", f"profiles/{profile}", "--", CELL).stdout
    assert planned(listed) == plain


@pytest.mark.parametrize("profile", ["slurm", "cluster-generic"])
def test_on_a_shared_disk_files_are_waited_for_and_scratch_goes_to_every_job(tmp_path, profile):
    flow = Workflow(tmp_path)
    path = flow.folder / "profiles" / profile / "config.yaml"
    # What the file says to fill in.
    text = re.sub(
        r"^# (default-resources:)|^#?( +)(?:# )?(?=tmpdir: /scratch/me)",
        r"\1\2",
        path.read_text(),
        flags=re.M,
    )
    path.write_text(text)
    settings = yaml.safe_load(text)
    assert settings["latency-wait"] >= 60
    assert settings["default-resources"]["tmpdir"] == "/scratch/me"
    listed = flow.run("-n", "-p", "--workflow-profile", f"profiles/{profile}", "--", CELL).stdout
    resources = [line for line in listed.splitlines() if line.lstrip().startswith("resources: ")]
    assert len(resources) > 5
    assert all("tmpdir=/scratch/me" in line for line in resources), resources


def test_the_generic_profile_runs_jobs_through_its_commands(tmp_path):
    flow = Workflow(tmp_path)
    queue = tmp_path / "queue"
    queue.mkdir()
    # A cluster of two commands: one runs the script at once, the other tells how it ended.
    command(
        queue / "submit",
        f'n=$$; echo failed >{queue}/$n; sh "$1" >/dev/null 2>&1 && echo success >{queue}/$n; echo $n',
    )
    command(queue / "status", f'cat "{queue}/$1"')
    generic = "--cluster-generic-"
    flow.run(
        *("--workflow-profile", "profiles/cluster-generic", "--latency-wait", "5"),
        *("--seconds-between-status-checks", "1"),
        *(f"{generic}submit-cmd", str(queue / "submit"), f"{generic}status-cmd", str(queue / "status")),
        *("--", "data/gtzan/recordings.parquet"),
    )
    assert (tmp_path / "data/gtzan/recordings.parquet").is_file()


@pytest.mark.parametrize(
    ("state", "said"),
    [("COMPLETED", "success"), ("PENDING", "running"), ("OUT_OF_MEMORY", "failed"), ("CANCELLED", "failed")],
)
def test_the_state_of_a_slurm_job_is_told_in_one_word(tmp_path, state, said):
    command(tmp_path / "scontrol", f'echo "JobId=$3 JobState={state} Reason=None"')
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [GENERIC / "status.sh", "7"], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{said}\n"


def command(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
