"""What a data set is made of: lengths, damage, duplicates, overlaps, licences."""


rule audit_data:
    """Audit one task's packed clips from the indexes of their shards."""
    input:
        indexes=indexes_of,
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
        code=code_digest("audit.py", *PAGE, "earmark/data/audit/page.html"),
        settings=lambda w: read(SETTINGS.audit(w.task)),
        folder=lambda w, input: folders_of(input.indexes)[0],
        shards=lambda w: read(data_of(w).counts),
    shell:
        # The indexes are told by folder and number: thousands of paths make no command line.
        """
        python "$SCRIPTS/audit.py" --task {wildcards.task} --folder {params.folder:q} \
            --shards {params.shards:q} --settings {params.settings:q} \
            --output {output.json:q} --page {output.page:q} --code {params.code} 2>&1 | tee {log:q}
        """
