"""The summary table and the page."""


rule summarize:
    """Gather the grid's results into one long table, paired against base."""
    input:
        results=grid_results(),
        timings=timing_results(),
    output:
        csv="results/summary.csv",
        parquet="results/summary.parquet",
    log:
        "logs/summarize.log",
    benchmark:
        "benchmarks/summarize.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code_digest("summarize.py"),
        results=lambda w, input: repeated("--result", input.results),
        timings=lambda w, input: repeated("--timing", input.timings),
    shell:
        """
        python "$SCRIPTS/summarize.py" {params.results} {params.timings} --csv {output.csv:q} \
            --parquet {output.parquet:q} 2>&1 | tee {log:q}
        """


rule report:
    """Draw the page."""
    input:
        summary="results/summary.parquet",
        results=grid_results(),
        timings=timing_results(),
        probes=probing.targets(SETTINGS),
    output:
        "results/report.html",
    log:
        "logs/report.log",
    benchmark:
        "benchmarks/report.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code_digest("report.py", *PAGE, "earmark/report/page.html"),
        results=lambda w, input: repeated("--result", input.results),
        timings=lambda w, input: repeated("--timing", input.timings),
        probes=lambda w, input: repeated("--probe", input.probes),
    shell:
        """
        python "$SCRIPTS/report.py" --summary {input.summary:q} {params.results} {params.timings} \
            {params.probes} --output {output:q} 2>&1 | tee {log:q}
        """
