"""Snakemake's plan of thousands of jobs, without what it works out again for each of them.

A third of what ``snakemake -n`` took for two thousand results went into things that are the same for every
job: the parameters of the rules' functions, read anew at every call of one, and rounds of a garbage collector
over a graph of jobs of which nothing is garbage. Another fifth went into an account of each job that a short
dry run does not print, and a third into parameters and resources that only this account names. Results of the
plan are the same; tests/workflow/test_planning.py compares them.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from snakemake import common, rules
from snakemake.io import _IOFile
from snakemake.io.fmt import fmt_iofile
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

NOTHING: dict[str, Any] = {}


def quicken() -> None:
    """Have this process read a function's parameters once, seldom look for garbage, compare paths as text.

    To be called before anything else is imported, which makes much that is no garbage either.
    """
    gc.set_threshold(100_000, 50, 100)
    if hasattr(common.get_function_params, "cache_info"):
        return
    # Python would look for it once more when it ends: a quarter of a run that has nothing to do.
    atexit.register(gc.freeze)
    common.get_function_params = rules.get_function_params = cache(common.get_function_params)
    from snakemake.dag import DAG  # can't be imported before Snakemake is
    from snakemake.scheduling.job_scheduler import JobScheduler

    refuse = DAG.check_directory_outputs

    def check_directory_outputs(dag: Any) -> None:
        here = Path.cwd()
        outputs = (path for job in dag.jobs for path in job.output)
        if one_holds_another(path if path[0] == "/" else f"{here}/{path}" for path in outputs):
            refuse(dag)

    DAG.check_directory_outputs = check_directory_outputs
    JobScheduler.update_input_sizes = update_input_sizes
    _IOFile.is_storage = property(is_storage)


async def update_input_sizes(scheduler: Any, jobs: Iterable[Any]) -> None:
    """Look up how large the inputs of new jobs are: once a job is ready, they stay as they are.

    Snakemake does so for all that are ready whenever one ends: of 400 jobs a sixth of its own time.
    """
    measured = vars(scheduler).setdefault("_measured", set())
    new = [job for job in jobs if job not in measured]
    measured.update(new)
    for path in {path for job in new for path in job.input}:
        scheduler._input_sizes[path] = await path.size() if await path.exists() else None


def one_holds_another(paths: Iterable[str]) -> bool:
    """Return whether one of some absolute paths lies below another of them."""
    known, folders = set(paths), set()
    for path in known:
        while (path := path.rpartition("/")[0]) not in folders:
            folders.add(path)
    return not known.isdisjoint(folders)


def is_storage(file: Any) -> bool:
    """Return whether a file of a rule lies in a storage: asked some ninety times for every job."""
    return bool(getattr(file._file, "flags", NOTHING).get("storage_object"))


def tell_briefly(workflow: Any) -> None:
    """Have a workflow's jobs tell no more of themselves than a dry run prints: rule, outputs, why they run.

    The command of a rule's first job is put together nevertheless, so that a mistake in one is found. What
    others are given and take is worked out where their results are there, and may be stale with it.
    """
    from snakemake.scheduling.job_scheduler import JobScheduler  # nor this

    everything = Job.log_info
    environment = Job.conda_env_spec.fget
    freed = JobScheduler._free_resources
    told: set[str] = set()

    def log_info(job: Any, *args: Any, **options: Any) -> None:
        if job.dag.workflow is not workflow or job.rule.name not in told:
            told.add(job.rule.name)
            everything(job, *args, **options)
            return
        extra = {
            "event": LogEvent.JOB_INFO,
            "rule_name": job.rule.name,
            "output": [fmt_iofile(path, as_output=True) for path in job.output],
            "reason": str(job.dag.reason(job)),
        }
        logger.info(f"Rule: {job.rule.name}", extra=extra)

    def conda_env_spec(job: Any) -> Any:
        # A file is the same for all jobs of a rule: no reason to work out this one's parameters.
        known = job.rule._expanded_conda_env
        return environment(job) if known is rules._NOT_CACHED else known

    def free_resources(scheduler: Any, job: Any) -> None:
        # A dry run takes none.
        if scheduler.workflow is not workflow:
            freed(scheduler, job)

    Job.log_info = log_info
    Job.conda_env_spec = property(conda_env_spec)
    JobScheduler._free_resources = free_resources
