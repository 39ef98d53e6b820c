"""The summary table, the page, and both as files for papers."""


rule summarize:
    """Gather every result on disk into one long table, paired against base."""
    input:
        results=reporting.required(SETTINGS),
        imports=reporting.imported(SETTINGS),
    output:
        csv=report("results/summary.csv", caption="captions/summary.rst", category="Summary"),
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
        imports=read(SETTINGS.content["import"]),
        # Results that no configuration asks for any more, or another program's target made.
        others=lambda w: reporting.others(SETTINGS),
    shell:
        # The folder, not its files: thousands would not fit on a command line.
        """
        python "$SCRIPTS/summarize.py" --results results --imports {params.imports:q} \
            --memory .earmark/summary --csv {output.csv:q} --parquet {output.parquet:q} 2>&1 | tee {log:q}
        """


rule wrong_answers:
    """Collect wrong answers, with a few seconds of what was heard."""
    input:
        summary="results/summary.parquet",
        sounds=list(reporting.sounds(SETTINGS)),
    output:
        "results/wrong_answers.parquet",
    log:
        "logs/wrong_answers.log",
    benchmark:
        "benchmarks/wrong_answers.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code_digest("wrong_answers.py"),
        settings=read(SETTINGS.content["report"]),
    shell:
        """
        python "$SCRIPTS/wrong_answers.py" --summary {input.summary:q} --data data \
            --settings {params.settings:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule report:
    """Draw the page."""
    input:
        summary="results/summary.parquet",
        answers="results/wrong_answers.parquet",
    output:
        report("results/report.html", caption="captions/page.rst", category="Summary"),
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
    shell:
        """
        python "$SCRIPTS/report.py" --summary {input.summary:q} --answers {input.answers:q} \
            --output {output:q} 2>&1 | tee {log:q}
        """
