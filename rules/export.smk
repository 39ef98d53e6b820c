"""Every plot and table of a page as files of their own: each is a target, `plots` and `tables` are all."""


localrules:
    plot,
    table,


checkpoint exports:
    """List every plot and table of the page; which there are, the results tell."""
    input:
        "results/{page}summary.parquet",
    output:
        "results/{page}exports.jsonl",
    log:
        "logs/{page}exports.log",
    benchmark:
        "benchmarks/{page}exports.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda w: code_digest(*drawing.exports()),
    shell:
        """
        python "$SCRIPTS/exports.py" --summary {input:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule plot:
    """Draw one plot of the page."""
    input:
        "results/{page}exports.jsonl",
    output:
        svg=report(
            "results/{page}plots/{plot}.svg",
            caption="captions/plots.rst",
            category="Plots",
            labels={"plot": "{plot}"},
        ),
        png="results/{page}plots/{plot}.png",
        pdf="results/{page}plots/{plot}.pdf",
        paper=[
            f"results/{{page}}plots/{{plot}}-{size}.{form}"
            for size in exporting.SIZES
            for form in ("svg", "pdf")
        ],
    log:
        "logs/{page}plots/{plot}.log",
    benchmark:
        "benchmarks/{page}plots/{plot}.tsv"
    wildcard_constraints:
        # A name that ends in a size is that of another file of the same plot.
        plot="[^/]+(?<!-column)(?<!-page)",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda w: code_digest("plot.py"),
        column=SETTINGS.config.report.column_mm,
        page=SETTINGS.config.report.page_mm,
        outputs=lambda w, output: repeated("--output", output),
    shell:
        """
        python "$SCRIPTS/plot.py" --name {wildcards.plot:q} --exports {input:q} --column-mm {params.column} \
            --page-mm {params.page} {params.outputs} 2>&1 | tee {log:q}
        """


rule table:
    """Write one table of the page as Markdown and LaTeX."""
    input:
        "results/{page}exports.jsonl",
    output:
        md=report(
            "results/{page}tables/{table}.md",
            caption="captions/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        tex="results/{page}tables/{table}.tex",
    log:
        "logs/{page}tables/{table}.log",
    benchmark:
        "benchmarks/{page}tables/{table}.tsv"
    wildcard_constraints:
        table="[^/]+",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda w: code_digest("table.py"),
        columns=lambda w: repeated("--columns", reporting.columns(SETTINGS, w.table)),
        outputs=lambda w, output: repeated("--output", output),
    shell:
        """
        python "$SCRIPTS/table.py" --name {wildcards.table:q} --exports {input:q} {params.columns} \
            {params.outputs} 2>&1 | tee {log:q}
        """


for page in pages():
    for kind in exporting.KINDS:

        rule:
            name:
                rule_of(page, kind)
            input:
                lambda w, page=page, kind=kind: exported(page, kind),
