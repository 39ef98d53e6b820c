"""Encoder states, computed once per clip and model."""


rule features:
    """Run the audio encoder over one shard."""
    input:
        tar="data/{task}/shards/{split}-{shard}-of-{of}.tar",
        index="data/{task}/shards/{split}-{shard}-of-{of}.parquet",
        checkpoint=checkpoint_of,
        # Which clips a sample_limit chooses depends on all of the split.
        whole=lambda w: (
            shards_of(w, f"data/{w.task}/shards", w.split, "parquet")
            if stored.limited(SETTINGS, w.task, w.split)
            else []
        ),
    output:
        states=passing("features/{model}/{task}/{split}-{shard}-of-{of}.safetensors"),
        index=passing("features/{model}/{task}/{split}-{shard}-of-{of}.parquet"),
        times=passing("features/{model}/{task}/{split}-{shard}-of-{of}.times.json"),
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
        settings=lambda w: read(stored.encoding(SETTINGS, w.model, w.task, w.split)),
        whole=lambda w, input: repeated("--whole", input.whole),
    shell:
        """
        python "$SCRIPTS/features.py" --shard {input.tar:q} --index {input.index:q} {params.whole} \
            --checkpoint {input.checkpoint:q} --settings {params.settings:q} \
            --output {output.states:q} --output-index {output.index:q} --threads {threads} 2>&1 | tee {log:q}
        """
