"""From clips to tar shards."""


rule pack:
    """Decode, join, resample and pack the clips of one shard."""
    input:
        "data/{task}/clips.parquet",
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
        mem_mb=2000,
        runtime=60,
    params:
        code=code_digest("pack.py"),
        sample_rate=lambda w: data_of(w)["sample_rate"],
        max_failed_share=lambda w: data_of(w)["max_failed_share"],
        shard=lambda w: int(w.shard),
        of=lambda w: int(w.of),
    shell:
        """
        python "$SCRIPTS/pack.py" --clips {input:q} --split {wildcards.split} --shard {params.shard} \
            --of {params.of} --output {output.tar:q} --index {output.index:q} \
            --sample-rate {params.sample_rate} --max-failed-share {params.max_failed_share} 2>&1 | tee {log:q}
        """
