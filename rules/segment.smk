"""From recordings to clips."""


rule segment:
    """List which stretches of which recordings make up each clip."""
    input:
        recordings="data/{task}/recordings.parquet",
        tables=cut_tables,
    output:
        "data/{task}/clips.parquet",
    log:
        "logs/segment/{task}.log",
    benchmark:
        "benchmarks/segment/{task}.tsv"
    priority: 50
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=lambda w: code_digest("segment.py"),
        settings=lambda w: read(SETTINGS.segment(w.task)),
        seed=SETTINGS.config.seed,
    shell:
        """
        python "$SCRIPTS/segment.py" --recordings {input.recordings:q} --settings {params.settings:q} \
            --output {output:q} --seed {params.seed} 2>&1 | tee {log:q}
        """
