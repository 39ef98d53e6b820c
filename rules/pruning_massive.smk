"""Tokens of massive activation in composed models (docs/real.md)."""


rule massive:
    """Count a composed model's massive audio tokens, and ask with and without sparing them."""
    input:
        states=lambda w: shards_of(w, features_of(w), "test", "safetensors"),
        indexes=lambda w: shards_of(w, features_of(w), "test", "parquet"),
        checkpoint=checkpoint_of,
    output:
        "massive/{model}/{task}.json",
    log:
        "logs/massive/{model}/{task}.log",
    benchmark:
        "benchmarks/massive/{model}/{task}.tsv"
    wildcard_constraints:
        model=composed_models(),
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("evaluating", "evaluate")),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("massive.py"),
        settings=lambda w: read(studies.massive(SETTINGS, w.model, w.task)),
        states=lambda w, input: repeated("--features", input.states),
        indexes=lambda w, input: repeated("--index", input.indexes),
    shell:
        """
        python "$SCRIPTS/massive.py" {params.states} {params.indexes} --checkpoint {input.checkpoint:q} \
            --settings {params.settings:q} --output {output:q} --threads {threads} 2>&1 | tee {log:q}
        """
