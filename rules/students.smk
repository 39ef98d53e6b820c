"""Students that tag audio, trained from labels and from what teachers say: one training per fold and seed."""

from earmark.tagging import recipe as recipes


wildcard_constraints:
    recipe="[a-z][a-z0-9-]*",
    r="[a-z0-9-]+",
    fold="[A-Za-z0-9]+",
    run_seed="[0-9]+",


def training_of(wildcards):
    """Return everything a training reads of the configuration; a mistake ends in one line."""
    try:
        run = tagging.Run(wildcards.fold, int(wildcards.run_seed))
        return recipes.job(SETTINGS, wildcards.task, wildcards.recipe, wildcards.r, run)
    except UserError as error:
        sys.exit(f"error: {error}")


def student_places(wildcards):
    """Return the folders a training reads from, and the shards in them."""
    settings = training_of(wildcards)
    taught = {}
    for teacher, split in recipes.taught(SETTINGS, wildcards.task, wildcards.recipe, wildcards.fold):
        taught.setdefault(teacher, []).append(split)
    return {
        "fbank": f"fbank/{wildcards.task}",
        "audio": audio_16k(wildcards) if settings["training"]["mixup"] else None,
        "logits": [
            {"folder": f"logits/{teacher}/{wildcards.task}", "splits": splits}
            for teacher, splits in taught.items()
        ],
        "shards": {split: data_of(wildcards)["shards"][split] for split in data_of(wildcards)["segment"]},
    }


def student_audio(wildcards):
    """Return the 16 kHz shards, where clips are mixed."""
    folder = student_places(wildcards)["audio"]
    return every_shard(wildcards, folder, "tar") if folder else []


def student_logits(wildcards):
    """Return the logits of every teacher, with their indexes."""
    return [
        path
        for each in student_places(wildcards)["logits"]
        for split in each["splits"]
        for suffix in ("safetensors", "parquet")
        for path in shards_of(wildcards, each["folder"], split, suffix)
    ]


rule train_student:
    """Train a student; several GPUs, or processes, by --set-resources train_student:gpu=4 (or :processes=2)."""
    input:
        indexes=lambda w: every_shard(w, f"fbank/{w.task}", "parquet"),
        fbanks=lambda w: every_shard(w, f"fbank/{w.task}", "safetensors"),
        audio=student_audio,
        logits=student_logits,
        classes="data/{task}/classes.json",
        statistics="fbank/{task}/statistics.json",
    output:
        record="students/{task}/{recipe}/r{r}/{fold}-{run_seed}/student.json",
        weights="students/{task}/{recipe}/r{r}/{fold}-{run_seed}/model.safetensors",
        config="students/{task}/{recipe}/r{r}/{fold}-{run_seed}/config.json",
    log:
        "logs/train_student/{task}/{recipe}/r{r}/{fold}-{run_seed}.log",
    benchmark:
        "benchmarks/train_student/{task}/{recipe}/r{r}/{fold}-{run_seed}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        processes=1,
        mem_mb=8000,
        runtime=2880,
    params:
        code=code_digest("train_student.py"),
        settings=lambda w: read(training_of(w)),
        places=lambda w: read(student_places(w)),
        work=".earmark/students/{task}/{recipe}/r{r}/{fold}-{run_seed}",
    shell:
        """
        processes=$(({resources.gpu} > {resources.processes} ? {resources.gpu} : {resources.processes}))
        python "$SCRIPTS/train_student.py" --settings {params.settings:q} --places {params.places:q} \
            --classes {input.classes:q} --statistics {input.statistics:q} --output {output.record:q} \
            --work {params.work:q} --code {params.code} --processes $processes --threads {threads} \
            2>&1 | tee {log:q}
        """
