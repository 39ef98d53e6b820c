"""What tagging needs of a task's data: its classes, spectrograms and their statistics."""

from earmark.tagging import request as tagging


def audio_16k(wildcards):
    """Return the folder of a task's shards at 16 kHz, what students hear."""
    kept = data_of(wildcards)["sample_rate"] == 16000
    return f"data/{wildcards.task}/shards" if kept else f"data/{wildcards.task}/shards-16000"


def every_shard(wildcards, folder, suffix):
    """Return the shards of every split that a task has, below a folder, in one order."""
    return [
        path
        for split in data_of(wildcards)["segment"]
        for path in shards_of(wildcards, folder, split, suffix)
    ]


def tagging_of(wildcards, *keys):
    """Return some keys of a task's tagging section; a task without one ends in one line."""
    try:
        section = tagging.tagging(SETTINGS, wildcards.task)
    except UserError as error:
        sys.exit(f"error: {error}")
    return {key: section[key] for key in keys}


def named_clips(wildcards):
    """Return the manifest that lists every clip of a task, or every one that is to be fetched."""
    name = "recordings" if fetched(wildcards.task) else "clips"
    return f"data/{wildcards.task}/{name}.parquet"


def listed_classes(wildcards):
    """Return the option that names the source's own list of classes, where it has one."""
    place = data_of(wildcards)["source"].get("classes")
    if not fetched(wildcards.task) or place is None:
        return ""
    # The source has put what it took from an address beside its lists.
    web = place.startswith(("http://", "https://"))
    path = f"data/{wildcards.task}/source/classes.csv" if web else os.path.expanduser(place)
    return repeated("--listed", [path])


rule classes:
    """List the classes of a task, in order, and hold every clip's labels against them."""
    input:
        named_clips,
    output:
        "data/{task}/classes.json",
    log:
        "logs/classes/{task}.log",
    benchmark:
        "benchmarks/classes/{task}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code_digest("classes.py"),
        settings=lambda w: read(tagging_of(w, "kind", "classes", "folds")),
        listed=listed_classes,
    shell:
        """
        python "$SCRIPTS/classes.py" --clips {input:q} --task {wildcards.task} --settings {params.settings:q} \
            {params.listed} --output {output:q} 2>&1 | tee {log:q}
        """


rule fbank:
    """Compute the log-mel spectrograms of one shard, once for every student, fold and seed."""
    input:
        tar=lambda w: f"{audio_16k(w)}/{w.split}-{w.shard}-of-{w.of}.tar",
        index=lambda w: f"{audio_16k(w)}/{w.split}-{w.shard}-of-{w.of}.parquet",
    output:
        states="fbank/{task}/{split}-{shard}-of-{of}.safetensors",
        index="fbank/{task}/{split}-{shard}-of-{of}.parquet",
    log:
        "logs/fbank/{task}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/fbank/{task}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=code_digest("fbank.py"),
        frames=lambda w: tagging_of(w, "frames")["frames"],
    shell:
        """
        python "$SCRIPTS/fbank.py" --shard {input.tar:q} --index {input.index:q} --frames {params.frames} \
            --output {output.states:q} --output-index {output.index:q} --threads {threads} 2>&1 | tee {log:q}
        """


def summed_indexes(wildcards):
    """Return the indexes that statistics are made from; none where the task's section gives them."""
    given = tagging_of(wildcards, "statistics")["statistics"]
    return [] if given else every_shard(wildcards, f"fbank/{wildcards.task}", "parquet")


rule fbank_statistics:
    """Compute mean and deviation of the training clips' features, per fold, from sums alone."""
    input:
        summed_indexes,
    output:
        "fbank/{task}/statistics.json",
    log:
        "logs/fbank_statistics/{task}.log",
    benchmark:
        "benchmarks/fbank_statistics/{task}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=code_digest("fbank_statistics.py"),
        settings=lambda w: read(
            tagging_of(w, "frames", "statistics", "folds", "validation_share", "validation_group")
        ),
        indexes=lambda w, input: repeated("--index", input),
        seed=SETTINGS.content["seed"],
    shell:
        """
        python "$SCRIPTS/fbank_statistics.py" --settings {params.settings:q} {params.indexes} \
            --output {output:q} --seed {params.seed} 2>&1 | tee {log:q}
        """
