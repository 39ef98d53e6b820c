"""From sources to a manifest of recordings."""


rule download:
    """Collect a task's recordings: render, list or read them."""
    output:
        "data/{task}/recordings.parquet",
    log:
        "logs/download/{task}.log",
    benchmark:
        "benchmarks/download/{task}.tsv"
    # Before what only answers or measures: a training waits for it, and takes longest.
    priority: 50
    conda:
        "../envs/audio.yaml"
    # What comes from the hub waits for the network.
    threads: lambda w: waiting(w) if from_hub(w) else 2
    resources:
        gpu=0,
        downloads=lambda w: int(from_hub(w)),
        mem_mb=growing(1000),
        # Files of the hub may take a day to come down.
        runtime=lambda w, attempt: (1440 if from_hub(w) else 60) * 2 ** (attempt - 1),
    params:
        code=lambda w: code_digest("download.py", f"earmark/data/sources/{data_of(w).source.kind}.py"),
        settings=lambda w: read(data_of(w).source),
        seed=SETTINGS.config.seed,
        labels=lambda w: json.dumps(data_of(w).labels.plain()),
        # Not read by the script: changed files are noticed by it.
        state=lambda w: sources.state(data_of(w).source.plain()),
        max_failed_share=lambda w: data_of(w).max_failed_share,
        allow_overlap=lambda w: repeated("--allow-overlap", data_of(w).allow_overlap),
    shell:
        """
        python "$SCRIPTS/download.py" --settings {params.settings:q} --output {output:q} \
            --seed {params.seed} --max-failed-share {params.max_failed_share} {params.allow_overlap} \
            --labels {params.labels:q} \
            --threads $(({threads} > 0 ? {threads} : 2)) 2>&1 | tee {log:q}
        """
