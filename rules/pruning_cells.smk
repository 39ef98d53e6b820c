"""Cells of the grid: their code, and which of them a run was asked for; no rules."""

from functools import cache
from types import SimpleNamespace

from earmark.systems.pruning import request as pruning, studies, targets as cells_named

THROUGH = SETTINGS.config.features.states == "through"


def heard(wildcards):
    """Return what a job hears a task's clips from: stored encoder states, or packed clips and the encoder."""
    if not THROUGH:
        return {
            "states": shards_of(wildcards, features_of(wildcards), "test", "safetensors"),
            "indexes": shards_of(wildcards, features_of(wildcards), "test", "parquet"),
            "times": shards_of(wildcards, features_of(wildcards), "test", "times.json"),  # beside the indexes
        }
    encoder, task = encoder_and_data(wildcards)
    packed = f"data/{task}/shards"
    return {
        "tars": shards_of(wildcards, packed, "test", "tar"),
        "indexes": shards_of(wildcards, packed, "test", "parquet"),
        "encoder": checkpoint_path(encoder, task),
    }


def heard_in_training(suffix):
    """Return a function of the shards of both tasks' training clips."""

    def shards(wildcards):
        found = []
        for task in (wildcards.semantic, wildcards.acoustic):
            of_task = SimpleNamespace(model=wildcards.model, task=task)
            folder = stored.states_folder(SETTINGS, wildcards.model, task)
            found += shards_of(of_task, folder, "train", suffix)
        return found

    return shards


def heard_options(input):
    """Return the options that name what a job hears."""
    options = [repeated("--features", input.get("states", [])), repeated("--tar", input.get("tars", []))]
    options += [repeated("--index", input.indexes)]
    options += [repeated("--encoder", [input.encoder])] if "encoder" in input.keys() else []
    return " ".join(filter(None, options))


def encoder_and_data(wildcards):
    """Return the model whose encoder a job hears with, and the task whose clips it hears."""
    model = model_of(wildcards)
    return stored.encoder_of(SETTINGS, model), stored.heard_as(SETTINGS, model, wildcards.task)


def encoding_here(wildcards):
    """Return the option with the settings of an encoder that runs in the answering job, if it does."""
    if not THROUGH:
        return ""
    encoder, task = encoder_and_data(wildcards)
    return repeated("--encoding", [read(stored.encoding(SETTINGS, encoder, task, "test"))])


def grid_results():
    """Return the paths of the configured grid."""
    return [pruning.path(SETTINGS, *cell) for cell in pruning.cells(SETTINGS)]


def reducer_files(methods):
    """Return the modules of the reducers behind some methods, below scripts/."""
    return sorted({path for method in methods for path in pruning.files(SETTINGS, method)})


def hearing_files(model):
    """Return the modules of the families of a model and of the encoder it hears with, below scripts/."""
    models = [model, *([stored.encoder_of(SETTINGS, model)] if THROUGH else [])]
    kinds = {SETTINGS.model(each).kind for each in models}
    families = [f"earmark/models/families/{kind}.py" for kind in sorted(kinds)]
    return families + (["earmark/systems/pruning/through.py"] if THROUGH else [])


@cache
def answer_code(model, method):
    """Digest what answering runs: the script, the method's reducer and the families of model and encoder."""
    return code_digest("answer.py", *reducer_files([method]), *hearing_files(model))


@cache
def speeds_settings(model, task):
    """Return the settings of timing the grid's methods on a task; a task that it doesn't ask ends in one line."""
    try:
        return studies.speeds(SETTINGS, model, task)
    except UserError as error:
        raise Mistake(str(error)) from None


def speeds_code(model, methods):
    """Digest what timing runs: the script, the methods' reducers and the families of model and encoder."""
    reducers = reducer_files([pruning.BASE, *(method.name for method in methods)])
    return code_digest("methods_speed.py", *reducers, *hearing_files(model))


def profiles(model, methods):
    """Return the profiles of heads that are made here and that methods read."""
    return sorted({path for method in methods for path in profile_of(model, method.name)})


@cache
def cell_settings(*cell):
    """Return the settings file of a cell."""
    return read(pruning.cell(SETTINGS, *cell))


@cache
def profile_of(model, method):
    """Return the profile of heads that a method reads, if it is made here."""
    return pruning.profile(SETTINGS, model, method)


@cache
def score_settings(model, task):
    """Return the settings file of scoring what a model answered to a task."""
    return read(pruning.scoring(SETTINGS, model, task))


@cache
def score_code(task):
    """Digest what scoring runs: the script, the task's parser and its metric."""
    asked = SETTINGS.asked(task)
    named = (f"parsers/{asked.parser}.py", f"metrics/{asked.metric}.py")
    return code_digest("score.py", *(f"earmark/scoring/{name}" for name in named))


def timing_settings(wildcards):
    """Return the settings of a prefill timing."""
    return pruning.prefill(SETTINGS, wildcards.model, int(wildcards.seconds))


def prefill_code(wildcards):
    """Digest what a prefill timing runs: the script, its reducers and the model family."""
    reducers = reducer_files([method.name for method in timing_settings(wildcards).methods])
    return code_digest("prefill.py", *reducers, family(wildcards))


def workplace(model, task, method, ratio):
    """Return the folder of a cell in progress."""
    return f".earmark/answer/{model}/{task}_{method}_{ratio}"


def grid_of_this_run(wildcards):
    """Return the file that lists the cells this run was asked for, or that a job is alone.

    A job with the model loaded answers for several. On a cluster every job is alone: it has a machine of its
    own. So is one of a dry run, of which nothing answers: the settings of thousands of cells are not written.
    """
    return "alone" if workflow.dryrun else asked_grid()


@cache
def asked_grid():
    """Return the same, whatever the job."""
    asked = cells_named.asked_cells(targets(), SETTINGS)
    if len(asked) < 2 or not workflow.local_exec or not workflow.is_main_process:
        return "alone"
    cells = [
        {
            "output": pruning.answers(*cell),
            "settings": cell_settings(*cell),
            "code": answer_code(cell[0], cell[2]),
            "work": workplace(*cell),
        }
        for cell in asked
    ]
    return read({"jobs": all_cores(None), "cells": cells})
