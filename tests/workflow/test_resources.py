"""Every rule says what its jobs need, no job needs more, and its threads reach what computes."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import warm
from workflow import SMALL, Workflow

from earmark.core import usage
from earmark.core.places import ROOT, SCRIPTS


def rules() -> dict[str, str]:
    """Every rule that runs something, by name: its text."""
    found = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        text = path.read_text()
        # Of a rule made in a loop, the name stands below.
        parts = re.split(r"^ *(?:use )?(?:rule|checkpoint)(?= ?\w*:$| \w+ as )", text, flags=re.MULTILINE)[1:]
        for part in parts:
            if "shell:" in part:
                found[f"{path.name}: {part.split(':')[0].strip() or 'made in a loop'}"] = part
    return found


def local() -> set[str]:
    """The rules that run where Snakemake does, whose jobs nobody kills for what they asked."""
    texts = [path.read_text() for path in (ROOT / "rules").glob("*.smk")]
    blocks = [block for text in texts for block in re.findall(r"^localrules:\n((?:    \w+,\n)+)", text, re.M)]
    return set(re.findall(r"\w+", " ".join(blocks)))


@pytest.mark.parametrize("rule", rules())
def test_every_rule_declares_threads_gpus_memory_and_time(rule):
    text = rules()[rule]
    assert re.search(r"^ +threads: ", text, flags=re.MULTILINE)
    missing = [name for name in ("gpu", "mem_mb", "runtime") if not re.search(rf"^ +{name}=", text, re.M)]
    assert not missing, f"{rule} says nothing about {missing}"
    if rule.rpartition(" ")[2] not in local():
        fixed = [
            name
            for name in ("mem_mb", "runtime")
            if not re.search(rf"{name}=(growing|lambda.*attempt)", text)
        ]
        assert not fixed, f"{rule}: {fixed} are the same for a job that was killed for too little"
        assert re.search(r"^ +benchmark:$", text, flags=re.MULTILINE), f"{rule} measures nothing"


BEHIND_FIRST = (
    ("score_default", "summarize", "wrong_answers", "report"),
    ("prefill", "pack", "pack_for_training", "features", "train", "answer"),
    ("checkpoint", "segment"),
    ("download",),
)
"""The rules of the small workflow: made again in this order, none makes those of a line before again."""


@pytest.fixture(scope="module")
def cold(finished, tmp_path_factory) -> tuple[Workflow, str]:
    """A job of each rule as a real start of Python, and the list of all jobs.

    Of a fork Snakemake can't tell what it took, and it imported its packages elsewhere.
    """
    flow = Workflow.copy(finished.folder, tmp_path_factory.mktemp("cold"))
    listing = flow.run("-n", "-F", "-p", "all").stdout
    found = re.findall(r"^rule (\w+):$.*?^ {4}output: ([^,\n]+)", listing, flags=re.MULTILINE | re.DOTALL)
    output = dict(found)
    assert set(output) == {rule for rules in BEHIND_FIRST for rule in rules}
    for folder in ("benchmarks", "logs"):
        shutil.rmtree(flow.folder / folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(warm.COLD_SCRIPTS, "1")
        for rules in BEHIND_FIRST:
            flow.run("-j2", "--force", *(output[rule] for rule in rules))
    return flow, listing


def test_no_job_took_more_than_its_rule_asks_for(cold):
    flow, listing = cold
    jobs = list(usage.of_run(listing.splitlines(), flow.folder))
    assert {job.rule for job in jobs} == {rule for rules in BEHIND_FIRST for rule in rules}, usage.table(jobs)
    # Snakemake looks at a job after half a second for the first time, when a short one may have ended.
    unseen = [job for job in jobs if job.took_mb <= 20]
    assert not [job for job in unseen if job.took_minutes * 60 > 0.8], usage.table(jobs)
    assert {"train", "features", "answer", "prefill"} <= {job.rule for job in jobs} - {
        job.rule for job in unseen
    }
    assert not [job for job in jobs if job.exceeded], usage.table(jobs)
    command = [warm.python(), str(SCRIPTS / "usage.py"), "--folder", str(flow.folder)]
    printed = subprocess.run(command, input=listing, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^pack +\d+ +\d+ +2000 +\d\.\d +60$", printed, flags=re.MULTILINE), printed


def test_logs_of_real_starts_hold_no_bars_of_other_libraries(cold):
    logs = {path: path.read_bytes() for path in (cold[0].folder / "logs").rglob("*.log")}
    assert len(logs) >= 10
    assert [path for path, content in logs.items() if b"\r" in content] == []


def test_a_job_that_took_more_than_asked_is_marked(tmp_path):
    (tmp_path / "b.tsv").write_text("s\tmax_rss\n90.0\t1500.5\n")
    listing = ["rule pack:", "    benchmark: b.tsv", "    resources: mem_mb=1000, mem=1 GB, runtime=60"]
    (job,) = usage.of_run(listing, tmp_path)
    assert job == usage.Usage("pack", 1000, 60, 1500.5, 1.5) and job.exceeded
    assert "<- more than asked" in usage.table([job])


@pytest.mark.parametrize("cores", [1, 2])
def test_a_job_s_threads_reach_libraries_and_its_script(tmp_path, cores):
    flow = Workflow(tmp_path)
    flow.warm = False
    script = flow.folder / "scripts/download.py"
    names = [f"{library}_NUM_THREADS" for library in ("OMP", "MKL", "OPENBLAS", "RAYON")]
    seen = "import os, sys, pyarrow\n"
    seen += f'print("seen", *map(os.environ.get, {names}), pyarrow.cpu_count(), *sys.argv[-2:])\n'
    future = "from __future__ import annotations\n"
    script.write_text(script.read_text().replace(future, future + seen))
    printed = flow.run(f"-j{cores}", "data/gtzan/recordings.parquet").stdout
    assert f"seen {' '.join(5 * [str(cores)])} --threads {cores}\n" in printed


def test_a_timing_takes_every_core_unless_other_jobs_may_run_beside_it(copied):
    for alone, threads in ((True, ["2"]), (False, [])):
        copied.configure(SMALL | {"prefill": [SMALL["prefill"][0] | {"alone": alone}]})
        printed = copied.run("-j2", "-R", "prefill", "--", "results/timing/moderate_2s.json").stdout
        job = printed[printed.index("rule prefill:") :].partition("\n\n")[0]
        assert re.findall(r"^ +threads: (\d+)$", job, flags=re.MULTILINE) == threads, job
