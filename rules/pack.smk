"""From clips to tar shards."""


rule pack:
    """Decode, join, resample and pack the clips of one shard."""
    input:
        manifest_of,
    output:
        tar="data/{task}/shards/{split}-{shard}-of-{of}.tar",
        index="data/{task}/shards/{split}-{shard}-of-{of}.parquet",
    log:
        "logs/pack/{task}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/pack/{task}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("pack.py"),
        settings=lambda w: read(data_of(w).chosen("sample_rate", "channels", "shard_limits")),
        cut=lambda w: read(cut_of(w)),
        max_failed_share=lambda w: data_of(w).max_failed_share,
    shell:
        """
        python "$SCRIPTS/pack.py" --clips {input:q} --split {wildcards.split} --shard {wildcards.shard} \
            --of {wildcards.of} --settings {params.settings:q} --cut {params.cut:q} \
            --max-failed-share {params.max_failed_share} --output {output.tar:q} --index {output.index:q} \
            2>&1 | tee {log:q}
        """


use rule pack as pack_for_training with:
    output:
        tar="data/{task}/shards/{split,train}-{shard}-of-{of}.tar",
        index="data/{task}/shards/{split,train}-{shard}-of-{of}.parquet",
    # What is trained on it takes longest of all.
    priority: 50


ruleorder: pack_for_training > pack


rule resample:
    """Derive a shard at another sample rate: 16 kHz for students from the 32 kHz kept for teachers."""
    input:
        tar="data/{task}/shards/{split}-{shard}-of-{of}.tar",
        index="data/{task}/shards/{split}-{shard}-of-{of}.parquet",
    output:
        tar="data/{task}/shards-{rate}/{split}-{shard}-of-{of}.tar",
        index="data/{task}/shards-{rate}/{split}-{shard}-of-{of}.parquet",
    log:
        "logs/resample/{task}/{rate}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/resample/{task}/{rate}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("resample.py"),
    shell:
        """
        python "$SCRIPTS/resample.py" --shard {input.tar:q} --index {input.index:q} --rate {wildcards.rate} \
            --output {output.tar:q} --output-index {output.index:q} 2>&1 | tee {log:q}
        """
