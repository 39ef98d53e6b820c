"""What a data set is made of: lengths, damage, duplicates, overlaps, licences."""


rule fingerprint:
    """Hear what of some shards of a split may be copies; only an audit asks for that."""
    input:
        heard_shards,
    output:
        "data/{task}/fingerprints/{split}-{shard}-of-{of}.parquet",
    log:
        "logs/fingerprint/{task}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/fingerprint/{task}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("fingerprint.py"),
    shell:
        """
        python "$SCRIPTS/fingerprint.py" {input:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule audit_data:
    """Audit one task's packed clips from the indexes of their shards and their fingerprints."""
    input:
        indexes=indexes_of,
        fingerprints=fingerprints_of,
        # Beside their indexes: some clips are read to compare them.
        tars=tars_of,
    output:
        json="data/{task}/audit.json",
        page="data/{task}/audit.html",
    log:
        "logs/audit/{task}.log",
    benchmark:
        "benchmarks/audit/{task}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(600),
    params:
        code=lambda w: code_digest("audit.py", *PAGE, "earmark/data/audit/page.html"),
        settings=lambda w: read(SETTINGS.audit(w.task)),
        folder=lambda w, input: os.path.dirname(folders_of(input.indexes)[0]),
        shards=lambda w: read(data_of(w).counts),
    shell:
        # The indexes are told by folder and number: thousands of paths make no command line.
        """
        python "$SCRIPTS/audit.py" --task {wildcards.task} --folder {params.folder:q} \
            --shards {params.shards:q} --settings {params.settings:q} \
            --output {output.json:q} --page {output.page:q} --code {params.code} 2>&1 | tee {log:q}
        """
