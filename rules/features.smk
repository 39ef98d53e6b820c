"""Encoder states, computed once per clip and model."""


rule features:
    """Run the audio encoder over one shard."""
    input:
        tar="data/{task}/shards/{split}-{shard}-of-{of}.tar",
        index="data/{task}/shards/{split}-{shard}-of-{of}.parquet",
        checkpoint=checkpoint_of,
    output:
        states="features/{model}/{task}/{split}-{shard}-of-{of}.safetensors",
        index="features/{model}/{task}/{split}-{shard}-of-{of}.parquet",
    log:
        "logs/features/{model}/{task}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/features/{model}/{task}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("encoding", "features")),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("features.py", family(w)),
        settings=lambda w: read(SETTINGS.encoding(w.model, w.task)),
    shell:
        """
        python "$SCRIPTS/features.py" --shard {input.tar:q} --index {input.index:q} \
            --checkpoint {input.checkpoint:q} --settings {params.settings:q} \
            --output {output.states:q} --output-index {output.index:q} --threads {threads} 2>&1 | tee {log:q}
        """
