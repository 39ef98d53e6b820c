"""Linear probes of pooled embeddings, layer by layer, and a map of the best layer."""

from earmark.systems.embeddings.probe import request as probing


rule probe:
    """Read labels off each layer's vectors with a linear classifier."""
    input:
        lambda w: probing.files(SETTINGS, w.model, w.task),
    output:
        report(
            "results/embeddings/{model}/{task}.json",
            caption="captions/probe.rst",
            category="Embeddings",
            labels={"model": "{model}", "task": "{task}"},
        ),
    log:
        "logs/probe/{model}/{task}.log",
    benchmark:
        "benchmarks/probe/{model}/{task}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=code_digest("probe.py"),
        settings=lambda w: read(probing.job(SETTINGS, w.model, w.task)),
        # Folders, not files: all shards of all layers would not fit on a command line.
        embeddings=lambda w, input: repeated("--embeddings", folders_of(input)),
    shell:
        """
        python "$SCRIPTS/probe.py" {params.embeddings} --settings {params.settings:q} --output {output:q} \
            --code {params.code} 2>&1 | tee {log:q}
        """
