"""Settings, code digests and paths that the rules share; no rules."""

import json
import os
import shlex
import sys
from functools import cache
from pathlib import Path

# Of this workflow, also where it is a module of another.
HERE = Path(str(workflow.current_basedir)).parent
sys.path.insert(0, f"{HERE}/scripts")

from earmark.workflow import planning

planning.quicken()

from snakemake.resources import Resources

from earmark.core.cluster import refuse_beside_others
from earmark.core import versions
from earmark.core.errors import UserError
from earmark.report import exports as exporting, page_code, request as reporting
from earmark.config import composed, stored
from earmark.data.audit import chunks
from earmark.config.excerpt import excerpt
from earmark.core.addresses import hidden
from earmark.config.settings import Settings
from earmark.models import needs
from earmark.models.outline import folder_of, wanted
from earmark.models.folder_state import folder_state
from earmark.config.targets import check_target
from earmark.config.yaml_files import read_yaml
from earmark.systems.registry import result_at, systems
from earmark.workflow import messages, mistakes, prerequisites, sources
from earmark.workflow.given import code as code_digest, settings_file as read
from earmark.workflow.targets import Mistake, check_targets

# Jobs run with the Python that runs Snakemake, whether its environment is activated or not; in a conda
# environment, with that one's.
CONDA = any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)
INTERPRETER = "" if CONDA else f"export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH; "
# Setting a prefix switches Snakemake's strict mode off, hence the `set`. The prefix is no part of
# what is recorded of a job, so a moved checkout makes nothing stale.
shell.prefix(
    "set -euo pipefail; export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0; "
    # A job without a core of its own still computes with one thread.
    'if [ "$OMP_NUM_THREADS" = 0 ]; then export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1; fi; '
    f"export RAYON_NUM_THREADS=$OMP_NUM_THREADS SCRIPTS={shlex.quote(f'{HERE}/scripts')}; {INTERPRETER}"
)
messages.install(workflow, mistakes.in_one_line)
# Jobs that wait for the network take no core, so something else has to bound them; --resources does, too.
if "downloads" not in workflow.global_resources:
    workflow.global_resources.update(Resources.from_mapping({"downloads": 4}))


def checked_settings():
    """Return the checked configuration; a mistake in it or in a target ends in one line."""
    try:
        if CONDA:
            prerequisites.check_conda()
        if workflow.storage_settings.default_storage_provider == "s3" and workflow.is_main_process:
            prerequisites.check_bucket()
        for path in workflow.configfiles:
            read_yaml(Path(path))  # Snakemake takes the last of two equal keys, and follows any alias
        settings = Settings.load(config, Path.cwd())
        reporting.imported(settings)
        return settings
    except UserError as error:
        raise Mistake(str(error)) from None


SETTINGS = checked_settings()
PAGE = page_code.SHELL
# How the network is reached is not what a result depends on: as no param, changing it makes nothing
# stale; and as no argument, a proxy's password is in no process list.
os.environ |= {"EARMARK_NETWORK": json.dumps(SETTINGS.config.fetch.plain(), sort_keys=True)}


wildcard_constraints:
    task="[a-z][a-z0-9_]*",
    model="[a-z][a-z0-9.-]*",
    split="train|test",
    shard="[0-9]{5}",
    of="[0-9]{5}",
    rate="[0-9]+",


def carry_versions():
    """With `versions: rerun`, make what each rule's environment pins a param of it; to be called after all rules."""
    if SETTINGS.config.versions == "rerun":
        for each in workflow.rules:
            if each.conda_env:
                pins = versions.pinned(HERE / "envs" / Path(str(each.conda_env)).name)
                each.set_params(versions=f"versions: {versions.told(pins)}")


def again(wildcards, output):
    """Return the file that says how a result is made again, for its record: its path and its configuration.

    No result depends on it: a param of the output makes nothing stale.
    """
    target = result_at(output[0])
    return read({"target": target, "config": excerpt(SETTINGS, target)})


def is_local():
    """Say whether jobs run on this machine; known once Snakemake has its executor."""
    return workflow.local_exec or not workflow.is_main_process


def gpus(wildcards):
    """Return the GPUs a computing job asks for: one, unless it will run on a CPU.

    With `device: auto` a job takes a GPU where it runs, if there is one: on a cluster it asks for one, and on
    this machine it is looked for here.
    """
    device = SETTINGS.config.device
    if device == "auto":
        return SETTINGS.gpus if is_local() else 1
    return int(device.startswith("cuda"))


def waiting(wildcards):
    """Return the cores of a job that waits for the network: of this machine none, so that others compute meanwhile."""
    return 0 if is_local() else 1


def growing(amount):
    """Return a resource that doubles with every attempt: what was killed for too little is retried with more.

    ``amount`` may be a function of the wildcards.
    """
    return lambda wildcards, attempt: (amount(wildcards) if callable(amount) else amount) * 2 ** (attempt - 1)


def memory_of(what, section):
    """Return a function of wildcards: the megabytes that a job of a model needs, by what it does and its batches in config."""
    need, seconds = getattr(needs, what), getattr(SETTINGS.config, section).batch_audio_s
    of_model = cache(lambda model: need(composed.known(SETTINGS, model), seconds).mem_mb)
    return lambda wildcards: of_model(model_of(wildcards))


def all_cores(wildcards):
    """Return every core of a local run; on a cluster, where a job has its machine's, one."""
    local = workflow.resource_settings and workflow.resource_settings.cores
    return local if isinstance(local, int) else 1


def targets():
    """Return what this run was asked for by name; known once the rules are read."""
    return [target.removeprefix("./") for target in workflow.dag_settings.targets]


def data_of(wildcards):
    """Return the data section of a task."""
    return SETTINGS.task(wildcards.task).data


def from_hub(wildcards):
    """Say whether a task's recordings come from the hub."""
    return getattr(data_of(wildcards).source, "hub", None) is not None


def model_of(wildcards):
    """Return the name of the model a job is for: the one in the path, or the default."""
    return wildcards.get("model", SETTINGS.config.default_model)


def model_entry(wildcards):
    """Return the settings of the model a job is for."""
    return SETTINGS.model(model_of(wildcards))


def family(wildcards):
    """Return the module of the model family, below scripts/."""
    return f"earmark/models/families/{model_entry(wildcards).kind}.py"


def fetched(task):
    """Say whether a task's recordings are fetched item by item, shard by shard."""
    return SETTINGS.fetched(task)


def manifest_of(wildcards):
    """Return the manifest a shard's clips are listed in."""
    if fetched(wildcards.task):
        return f"data/{wildcards.task}/fetched/{wildcards.split}-{wildcards.shard}-of-{wildcards.of}.parquet"
    return f"data/{wildcards.task}/clips.parquet"


def cut_tables(wildcards):
    """Return the cut lists that a task's recordings are cut along, if any."""
    return sorted(
        {cut.table for cut in SETTINGS.segment(wildcards.task).values() if cut.kind == "cuts" and cut.table}
    )


def cut_of(wildcards):
    """Return how a fetched shard's recordings become clips; other clips are already formed."""
    return data_of(wildcards).segment.get(wildcards.split) if fetched(wildcards.task) else None


def indexes_of(wildcards):
    """Return the index of every shard of every split of a task."""
    return all_shards_of(wildcards, "parquet")


def tars_of(wildcards):
    """Return every shard of every split of a task."""
    return all_shards_of(wildcards, "tar")


def heard_shards(wildcards):
    """Return the shards that a file of fingerprints is of."""
    shards = shards_of(wildcards, f"data/{wildcards.task}/shards", wildcards.split, "tar")
    return chunks.of(shards, int(wildcards.shard))


def fingerprints_of(wildcards):
    """Return the files of fingerprints of a task."""
    return list(chunks.paths(f"data/{wildcards.task}/fingerprints", data_of(wildcards).counts))


def all_shards_of(wildcards, suffix):
    """Return the files of one kind of every shard of every split of a task."""
    return [
        path
        for split in data_of(wildcards).segment
        for path in shards_of(wildcards, f"data/{wildcards.task}/shards", split, suffix)
    ]


def audited_tasks():
    """Return the tasks whose data systems use."""
    return SETTINGS.used_tasks()


def shards_of(wildcards, folder, split, suffix):
    """Return the shards of a split of a task below a folder."""
    of = data_of(wildcards).shards.of(split)
    return [f"{folder}/{split}-{shard:05d}-of-{of:05d}.{suffix}" for shard in range(of)]


def features_of(wildcards):
    """Return the folder of the encoder states that a job reads."""
    return stored.states_folder(SETTINGS, model_of(wildcards), wildcards.task)


def checkpoint_path(model, task):
    """Return the record of a model's checkpoint; a model trained here has one per task."""
    trained = SETTINGS.model(model).train is not None
    return f"models/{model}/{task}/checkpoint.json" if trained else f"models/{model}/checkpoint.json"


def checkpoint_of(wildcards):
    """Return the record of the checkpoint a job is for."""
    return checkpoint_path(model_of(wildcards), wildcards.task)


def checkpoint_state(wildcards):
    """Return what tells whether a model's local folder is what it was; None for other models."""
    folder = folder_of(model_entry(wildcards))
    return folder_state(folder) if folder and folder.is_dir() else None


def repeated(option, paths):
    """Return an option repeated for every path, quoted for the shell."""
    return " ".join(f"{option} {shlex.quote(str(path))}" for path in paths)


def folders_of(paths):
    """Return the folders that files lie in, each once: shorter than their paths, which may be thousands."""
    return list(dict.fromkeys(os.path.dirname(path) for path in paths))


def training_code(wildcards):
    """Digest what a training runs: the script and the recipe the task needs."""
    recipe = SETTINGS.training(model_of(wildcards), wildcards.task)["recipe"]
    return code_digest("train.py", f"earmark/training/recipes/{recipe}.py")


def exported(page, kind):
    """Return every file of every plot or table of a page that a checkpoint listed."""
    listed = Path(checkpoints.exports.get(page=page).output[0])
    forms = exporting.KINDS[kind]
    return [f"{listed.parent}/{kind}s/{n}{form}" for n in exporting.names(listed, kind) for form in forms]


def check_queue():
    """Refuse to start beside jobs that a dead run left in a cluster's queue."""
    try:
        # A run by cluster-generic waits for them itself.
        if workflow.executor_plugin.name == "slurm":
            refuse_beside_others(Path.cwd())
    except UserError as error:
        sys.exit(f"error: {error}")


onstart:
    check_queue()


onerror:
    print(mistakes.advice([log] if isinstance(log, str) else log), file=sys.stderr)
