"""The workflow through Slurm: real jobs on a one-node cluster that the tests start on loopback."""

from __future__ import annotations

import copy
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_node import Node, Unavailable, started, until
from workflow import SMALL, Workflow

PATIENCE = 600
SHARD = "data/gtzan/shards/test-00000-of-00002.tar"
MISBEHAVE = """
import os, sys, time
name = sys.argv[sys.argv.index("--output") + 1].split("/")[1]
if name == "broken":
    sys.exit("error: nothing will ever come of this one")
if name == "gtzan":
    open("tried_gtzan", "w").close()
mark = f"tried_{name}"
if not os.path.exists(mark):
    with open(mark + ".part", "w") as file:
        file.write(os.environ["SLURM_JOB_ID"])
    os.rename(mark + ".part", mark)
    hoard = b"x" * (1_300_000_000 if name == "greedy" else 0)
    time.sleep(600)
"""
WAIT = """
import os, time
while not os.path.exists("go"):
    time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[Node]:
    """A running Slurm; the tests are skipped where there can be none."""
    try:
        with started(tmp_path_factory.mktemp("slurm")) as node:
            yield node
    except Unavailable as reason:
        pytest.skip(f"no Slurm here ({reason})")
    except AssertionError as reason:
        pytest.skip(f"Slurm would not start here ({reason})")


class Submitted(Workflow):
    """The workflow with profiles/slurm, asking for the state of jobs more often than on a real cluster."""

    node: Node
    warm = False

    def command(self, *arguments: str) -> list[str]:
        profile = ("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1")
        return [*super().command("--latency-wait", "5", *profile, *arguments)]

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.node.environment['PATH']}"
        return {**self.node.environment, "PATH": path}

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def prepend(self, script: str, text: str) -> None:
        path = self.folder / "scripts" / script
        docstring, future, rest = path.read_text().partition("from __future__ import annotations\n")
        path.write_text(f"{docstring}{future}{text}{rest}")


@pytest.fixture
def flow(slurm, tmp_path) -> Submitted:
    made = Submitted(tmp_path)
    made.node = slurm
    return made


@pytest.fixture(scope="module")
def run(slurm, tmp_path_factory) -> tuple[Submitted, int, str]:
    """One run of jobs that do well, are cancelled, take too much memory or time, or can only fail."""
    flow = Submitted(tmp_path_factory.mktemp("submitted"))
    flow.node = slurm
    config = copy.deepcopy(SMALL)
    names = ("killed", "greedy", "slow", "broken")
    config["tasks"] |= {name: {"title": name, **config["tasks"]["gtzan"]} for name in names}
    flow.configure(config)
    flow.prepend("download.py", MISBEHAVE)
    targets = [f"data/{name}/recordings.parquet" for name in names]
    running = flow.begin("--retries", "1", "--", SHARD, *targets)
    try:
        cancelled, late = (flow.folder / f"tried_{name}" for name in ("killed", "slow"))
        until(lambda: cancelled.is_file() and late.is_file(), PATIENCE, "the jobs to be killed")
        # Its limit is an hour; Slurm is told that the hour is over.
        flow.node.call("scontrol", "update", f"JobId={late.read_text()}", "EndTime=now")
        flow.node.call("scancel", cancelled.read_text())
        printed, _ = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    return flow, running.returncode, printed


def test_the_workflow_runs_as_slurm_jobs_small_ones_in_groups(run):
    flow, _, printed = run
    assert (flow.folder / SHARD).is_file(), printed
    logs = [line for line in printed.splitlines() if "has been submitted with SLURM jobid" in line]
    assert sum("group_recordings_download_segment/" in line for line in logs) == 1
    assert sum("rule_pack/" in line for line in logs) == 1


def test_a_cancelled_job_is_tried_again(run):
    flow, _, printed = run
    assert (flow.folder / "data/killed/recordings.parquet").is_file(), printed


def test_a_job_out_of_memory_is_tried_again_with_twice_as_much(run):
    flow, _, printed = run
    assert (flow.folder / "data/greedy/recordings.parquet").is_file(), printed
    assert "Exceeded job memory limit" in printed
    assert "mem_mb=1000," in printed and "mem_mb=2000," in printed


def test_a_job_over_its_time_limit_is_tried_again_with_twice_as_much(run):
    flow, _, printed = run
    assert (flow.folder / "data/slow/recordings.parquet").is_file(), printed
    assert "DUE TO TIME LIMIT" in printed
    jobs = re.findall(r"^ *rule download:\n((?: +.*\n)+)", printed, flags=re.MULTILINE)
    asked = [job for job in jobs if "output: data/slow/recordings.parquet\n" in job]
    assert re.findall(r"\bruntime=(\d+)", asked[0]) == ["60"]
    assert re.findall(r"\bruntime=(\d+)", asked[-1]) == ["120"]


def test_a_job_that_can_only_fail_is_reported_with_its_log_and_stops_nothing_else(run):
    flow, status, printed = run
    assert status != 0 and not (flow.folder / "data/broken/recordings.parquet").exists()
    assert "error: nothing will ever come of this one" in printed
    assert "Finished work is kept" in printed


def test_a_run_whose_submit_host_died_is_taken_up_after_its_jobs(flow):
    flow.prepend("segment.py", WAIT)
    target = "data/gtzan/clips.parquet"
    running = flow.begin("--", target)
    until((flow.folder / "data/gtzan/recordings.parquet").is_file, PATIENCE, "the first job's file")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    (job,) = flow.node.jobs()
    flow.run("--unlock")
    refused = flow.run("--", target, check=False).stdout
    assert f"error: Slurm jobs of an earlier run are still at work in {flow.folder}: {job};" in refused
    assert "Traceback" not in refused
    (flow.folder / "go").touch()
    until(lambda: not flow.node.jobs(), PATIENCE, "the end of the job")
    assert "Nothing to be done" in flow.run("--", target).stdout, "what the job finished is kept"
