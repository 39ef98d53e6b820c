"""From a list of wanted recordings to recordings: only for data that is fetched item by item."""


rule fetch:
    """Fetch one shard's items; what is fetched stays when the job is interrupted."""
    input:
        "data/{task}/recordings.parquet",
    output:
        "data/{task}/fetched/{split}-{shard}-of-{of}.parquet",
    log:
        "logs/fetch/{task}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/fetch/{task}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: waiting
    resources:
        gpu=0,
        downloads=1,
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        code=lambda w: code_digest("fetch.py"),
        settings=lambda w: read(data_of(w).fetch),
    shell:
        # How the network is reached is in the environment, see common.smk.
        """
        python "$SCRIPTS/fetch.py" --recordings {input:q} --split {wildcards.split} --shard {wildcards.shard} \
            --of {wildcards.of} --settings {params.settings:q} \
            --cache .earmark/fetch/{wildcards.task} --output {output:q} 2>&1 | tee {log:q}
        """
