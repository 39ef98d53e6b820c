"""Snakemake's plan of thousands of jobs, without what it works out again for each of them.

A third of what ``snakemake -n`` took for two thousand results went into things that are the same for every
job: the parameters of the rules' functions, read anew at every call of one, and rounds of a garbage collector
over a graph of jobs of which nothing is garbage. Another fifth went into an account of each job that a short
dry run does not print. Results of the plan are the same; tests/workflow/test_planning.py compares them.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

from snakemake import common, rules
from snakemake.io.fmt import fmt_iofile
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent


def quicken() -> None:
    """Have this process read a function's parameters once, and seldom look for garbage."""
    gc.set_threshold(100_000, 50, 100)
    if not hasattr(common.get_function_params, "cache_info"):
        common.get_function_params = rules.get_function_params = cache(common.get_function_params)


def tell_briefly(workflow: Any) -> None:
    """Have a workflow's jobs tell no more of themselves than a dry run prints: rule, outputs, why they run.

    The command of a rule's first job is put together nevertheless, so that a mistake in one is found.
    """
    everything = Job.log_info
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

    Job.log_info = log_info
