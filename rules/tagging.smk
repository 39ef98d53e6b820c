"""Paths and settings that the rules of audio tagging share; no rules."""

from earmark.systems.tagging import asked, recipe as recipes, request as tagging, sweep
from earmark.systems.tagging.teachers import request as teachers


def audio_16k(wildcards):
    """Return the folder of a task's shards at 16 kHz, what students hear."""
    kept = data_of(wildcards).sample_rate == 16000
    return f"data/{wildcards.task}/shards" if kept else f"data/{wildcards.task}/shards-16000"


def every_shard(wildcards, folder, suffix):
    """Return the shards of every split that a task has, below a folder, in one order."""
    return [
        path for split in data_of(wildcards).segment for path in shards_of(wildcards, folder, split, suffix)
    ]


def of_task(wildcards, what):
    """Return what a function says of a task's tagging; a task without it ends in one line."""
    try:
        return what(SETTINGS, wildcards.task)
    except UserError as error:
        sys.exit(f"error: {error}")


def named_clips(wildcards):
    """Return the manifest that lists every clip of a task, or every one that is to be fetched."""
    name = "recordings" if fetched(wildcards.task) else "clips"
    return f"data/{wildcards.task}/{name}.parquet"


def listed_classes(wildcards):
    """Return the option that names the source's own list of classes, where it has one."""
    place = getattr(data_of(wildcards).source, "classes", None)
    if not fetched(wildcards.task) or place is None:
        return ""
    # The source has put what it took from an address beside its lists.
    web = place.startswith(("http://", "https://"))
    path = f"data/{wildcards.task}/source/classes.csv" if web else os.path.expanduser(place)
    return repeated("--listed", [path])


def summed_indexes(wildcards):
    """Return the indexes that statistics are made from; none where the task's section gives them."""
    given = of_task(wildcards, tagging.tagging).statistics
    return [] if given else every_shard(wildcards, f"fbank/{wildcards.task}", "parquet")


def training_of(wildcards):
    """Return everything a training reads of the configuration; a mistake ends in one line."""
    try:
        run = tagging.Run(wildcards.fold, int(wildcards.run_seed))
        return recipes.job(SETTINGS, wildcards.task, wildcards.recipe, wildcards.r, run)
    except UserError as error:
        sys.exit(f"error: {error}")


def student_threads(wildcards):
    """Return the cores of a training: one, and one for each process that loads clips."""
    return 1 + training_of(wildcards).training.workers


def student_places(wildcards):
    """Return the folders a training reads from, and the shards in them."""
    mixed = training_of(wildcards).training.mixup
    taught = {}
    for teacher, split in recipes.taught(SETTINGS, wildcards.task, wildcards.recipe, wildcards.fold):
        taught.setdefault(teacher, []).append(split)
    return asked.Places(
        fbank=f"fbank/{wildcards.task}",
        audio=audio_16k(wildcards) if mixed else None,
        logits=[
            asked.LogitsPlace(folder=f"logits/{teacher}/{wildcards.task}", splits=splits)
            for teacher, splits in taught.items()
        ],
        shards=data_of(wildcards).counts,
    )


def student_audio(wildcards):
    """Return the 16 kHz shards, where clips are mixed."""
    folder = student_places(wildcards).audio
    return every_shard(wildcards, folder, "tar") if folder else []


def student_logits(wildcards):
    """Return the logits of every teacher, with their indexes."""
    return [
        path
        for each in student_places(wildcards).logits
        for split in each.splits
        for suffix in ("safetensors", "parquet")
        for path in shards_of(wildcards, each.folder, split, suffix)
    ]


def spectrograms_of(wildcards, suffix):
    """Return the spectrogram shards that hold test clips: a fold's lie in those of every split."""
    splits = data_of(wildcards).segment if tagging.tagging(SETTINGS, wildcards.task).folds else ["test"]
    return [
        path for split in splits for path in shards_of(wildcards, f"fbank/{wildcards.task}", split, suffix)
    ]


def run_of(wildcards):
    """Return the fold and seed a job is for."""
    return tagging.Run(wildcards.fold, int(wildcards.run_seed))


def student_of(wildcards):
    """Return the folder of the student that predicts."""
    return tagging.folder(SETTINGS, wildcards.task, wildcards.recipe, wildcards.r, run_of(wildcards))


def runs_of(wildcards):
    """Return every fold and seed behind a result."""
    return tagging.runs(SETTINGS, wildcards.task, wildcards.recipe)


def predicted(wildcards, suffix):
    """Return the files of one kind of the predictions behind a result."""
    return [
        f"{sweep.predictions(wildcards.task, wildcards.recipe, wildcards.r, run)}.{suffix}"
        for run in runs_of(wildcards)
    ]


def trained(wildcards):
    """Return the records of the students behind a result."""
    return [
        f"{tagging.folder(SETTINGS, wildcards.task, wildcards.recipe, wildcards.r, run)}/student.json"
        for run in runs_of(wildcards)
    ]


def timed_in_this_run(wildcards):
    """Return the file that lists a student's schedules this run asks for, or that a job is alone.

    On a cluster every job is alone: it has a machine of its own.
    """
    chosen = sweep.timed_together(SETTINGS, wildcards.task, wildcards.student, targets())
    if len(chosen) < 2 or not workflow.local_exec or not workflow.is_main_process:
        return "alone"
    listed = [
        {
            "settings": read(tagging.speed(SETTINGS, wildcards.task, wildcards.student, r)),
            "output": f"results/tagging/speed/{wildcards.task}_{wildcards.student}_r{r}.json",
        }
        for r in chosen
    ]
    return read(listed)


def teacher_data(wildcards):
    """Return the training shards and indexes that a teacher is trained on; none for one that isn't."""
    if not teachers.trained(SETTINGS, wildcards.teacher):
        return {}
    folder = f"data/{wildcards.task}/shards"
    return {
        name: shards_of(wildcards, folder, "train", suffix)
        for name, suffix in (("tars", "tar"), ("indexes", "parquet"))
    }


def teacher_code(script, teacher):
    """Digest what making or running a teacher runs: the script and the module of its kind."""
    kind = teachers.named(SETTINGS, teacher).kind
    return code_digest(script, f"earmark/systems/tagging/teachers/{kind}_teacher.py")


include: "tagging_fbank.smk"
include: "tagging_teachers.smk"
include: "tagging_students.smk"
include: "tagging_results.smk"
