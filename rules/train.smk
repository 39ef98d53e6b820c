"""Checkpoints: fetched, checked, or trained here."""


# The constraints of wildcards don't hold for files in a bucket.
ruleorder: train > checkpoint


rule checkpoint:
    """Resolve a checkpoint from the hub, a local folder or random weights, and record its hashes."""
    output:
        "models/{model}/checkpoint.json",
    log:
        "logs/checkpoint/{model}.log",
    benchmark:
        "benchmarks/checkpoint/{model}.tsv"
    # First of all jobs and alone: weights out of reach should be known before any other work is done.
    priority: 100
    conda:
        "../envs/torch.yaml"
    threads: all_cores
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        code=code_digest("checkpoint.py"),
        # Not read by the script: a folder changed in place is noticed by it.
        folder=lambda w: checkpoint_state(w),
        settings=lambda w: read(source(model_entry(w))),
    shell:
        """
        python "$SCRIPTS/checkpoint.py" --settings {params.settings:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule train:
    """Train the demo model on a task's training split."""
    input:
        tars=lambda w: shards_of(w, f"data/{w.task}/shards", "train", "tar"),
        indexes=lambda w: shards_of(w, f"data/{w.task}/shards", "train", "parquet"),
    output:
        record="models/{model}/{task}/checkpoint.json",
        curves="models/{model}/{task}/training.json",
        weights="models/{model}/{task}/model.safetensors",
    log:
        "logs/train/{model}/{task}.log",
    benchmark:
        "benchmarks/train/{model}/{task}.tsv"
    priority: 50
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=lambda w: training_code(w),
        settings=lambda w: read(SETTINGS.training(model_of(w), w.task)),
        tars=lambda w, input: repeated("--shard", input.tars),
        indexes=lambda w, input: repeated("--index", input.indexes),
        work=".earmark/train/{model}/{task}",
    shell:
        """
        python "$SCRIPTS/train.py" {params.tars} {params.indexes} --settings {params.settings:q} \
            --output {output.record:q} --work {params.work:q} --threads {threads} 2>&1 | tee {log:q}
        """
