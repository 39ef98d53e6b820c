"""Profiles of attention heads for HeadRouter, calibrated here (docs/methods.md)."""


rule heads:
    """Weigh a composed model's heads by how it answers training clips with the tokens each would keep."""
    input:
        states=heard_in_training("safetensors"),
        indexes=heard_in_training("parquet"),
        checkpoint=lambda w: checkpoint_path(w.model, w.semantic),
    output:
        "heads/{model}/{semantic}~{acoustic}.json",
    log:
        "logs/heads/{model}/{semantic}~{acoustic}.log",
    benchmark:
        "benchmarks/heads/{model}/{semantic}~{acoustic}.tsv"
    wildcard_constraints:
        model=composed_models(),
        semantic="[a-z][a-z0-9_]*",
        acoustic="[a-z][a-z0-9_]*",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("evaluating", "evaluate")),
        runtime=growing(120),
    params:
        code=lambda w: code_digest("heads.py"),
        settings=lambda w: read(studies.heads(SETTINGS, w.model, w.semantic, w.acoustic)),
        states=lambda w, input: repeated("--features", input.states),
        indexes=lambda w, input: repeated("--index", input.indexes),
    shell:
        """
        python "$SCRIPTS/heads.py" {params.states} {params.indexes} --checkpoint {input.checkpoint:q} \
            --settings {params.settings:q} --output {output:q} --threads {threads} 2>&1 | tee {log:q}
        """
