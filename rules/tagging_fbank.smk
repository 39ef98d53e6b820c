"""What tagging needs of a task's data: its classes, spectrograms and their statistics."""


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
        code=lambda w: code_digest("classes.py"),
        settings=lambda w: read(of_task(w, tagging.classes)),
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
        code=lambda w: code_digest("fbank.py"),
        frames=lambda w: of_task(w, tagging.tagging).frames,
    shell:
        """
        python "$SCRIPTS/fbank.py" --shard {input.tar:q} --index {input.index:q} --frames {params.frames} \
            --output {output.states:q} --output-index {output.index:q} --threads {threads} 2>&1 | tee {log:q}
        """


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
        code=lambda w: code_digest("fbank_statistics.py"),
        settings=lambda w: read(of_task(w, tagging.statistics)),
        indexes=lambda w, input: repeated("--index", input),
        seed=SETTINGS.config.seed,
    shell:
        """
        python "$SCRIPTS/fbank_statistics.py" --settings {params.settings:q} {params.indexes} \
            --output {output:q} --seed {params.seed} 2>&1 | tee {log:q}
        """
