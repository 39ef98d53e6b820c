"""Cells of the grid: their code, and which of them a run was asked for; no rules."""

from functools import cache

from earmark.core.files import write_json
from earmark.systems.pruning import request as pruning


def grid_results():
    """Return the paths of the configured grid."""
    return [pruning.path(SETTINGS, *cell) for cell in pruning.cells(SETTINGS)]


def targets():
    """Return what this run was asked for by name; known once the rules are read."""
    return [target.removeprefix("./") for target in workflow.dag_settings.targets]


def reducer_files(methods, entry):
    """Return the modules of the reducers behind some methods, below scripts/."""
    return sorted({path for method in methods for path in pruning.files(SETTINGS, method, entry)})


@cache
def evaluation_code(model, task, method):
    """Digest what an evaluation runs: the script, its reducer, parser, scoring and model family."""
    entry, asked = SETTINGS.model(model), SETTINGS.asked(task)
    named = [f"earmark/scoring/parsers/{asked['parser']}.py", f"earmark/scoring/metrics/{asked['metric']}.py"]
    kind = f"earmark/models/families/{entry['kind']}.py"
    return code_digest("evaluate.py", *reducer_files([method], entry), *named, kind)


def prefill_code(wildcards):
    """Digest what a prefill timing runs: the script, its reducers and the model family."""
    methods = pruning.prefill(SETTINGS, wildcards.model, int(wildcards.seconds))["methods"]
    reducers = reducer_files([method["name"] for method in methods], model_entry(wildcards))
    return code_digest("prefill.py", *reducers, family(wildcards))


def workplace(model, task, method, ratio):
    """Return the folder of a cell in progress."""
    return f".earmark/evaluate/{model}/{task}_{method}_{ratio}"


def list_grid():
    """Write which cells this run was asked for, so that a job with the model loaded answers for several.

    On a cluster every job is alone: it has a machine of its own.
    """
    path = Path(".earmark/grid.json")
    path.unlink(missing_ok=True)
    asked = pruning.asked_cells(targets(), SETTINGS)
    if len(asked) < 2 or not workflow.local_exec:
        return
    cells = [
        {
            "output": pruning.path(SETTINGS, *cell),
            "settings": read(pruning.cell(SETTINGS, *cell)),
            "code": evaluation_code(*cell[:3]),
            "work": workplace(*cell),
        }
        for cell in asked
    ]
    write_json(path, {"jobs": all_cores(None), "cells": cells})
