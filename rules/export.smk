"""Every plot and table of the page as files of their own: each is a target, `plots` and `tables` are all."""


localrules:
    plot,
    plot_ast,
    table,
    table_ast,


checkpoint exports:
    """List every plot and table of the page; which there are, the results tell."""
    input:
        "results/summary.parquet",
    output:
        "results/exports.jsonl",
    log:
        "logs/exports.log",
    benchmark:
        "benchmarks/exports.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code_digest("exports.py"),
    shell:
        """
        python "$SCRIPTS/exports.py" --summary {input:q} --output {output:q} 2>&1 | tee {log:q}
        """


checkpoint exports_ast:
    """The same of the page of students."""
    input:
        "results/tagging_page.parquet",
    output:
        "results/tagging_page/exports.jsonl",
    log:
        "logs/exports_ast.log",
    benchmark:
        "benchmarks/exports_ast.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code_digest("exports.py"),
    shell:
        """
        python "$SCRIPTS/exports.py" --summary {input:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule plot:
    """Draw one plot of the page."""
    input:
        "results/exports.jsonl",
    output:
        svg=report(
            "results/plots/{plot}.svg",
            caption="captions/plots.rst",
            category="Plots",
            labels={"plot": "{plot}"},
        ),
        png="results/plots/{plot}.png",
        pdf="results/plots/{plot}.pdf",
    log:
        "logs/plots/{plot}.log",
    benchmark:
        "benchmarks/plots/{plot}.tsv"
    wildcard_constraints:
        plot="[^/]+",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code_digest("plot.py"),
        outputs=lambda w, output: repeated("--output", output),
    shell:
        """
        python "$SCRIPTS/plot.py" --name {wildcards.plot:q} --exports {input:q} {params.outputs} 2>&1 | tee {log:q}
        """


use rule plot as plot_ast with:
    input:
        "results/tagging_page/exports.jsonl",
    output:
        svg=report(
            "results/tagging_page/plots/{plot}.svg",
            caption="captions/plots.rst",
            category="Plots",
            labels={"plot": "{plot}"},
        ),
        png="results/tagging_page/plots/{plot}.png",
        pdf="results/tagging_page/plots/{plot}.pdf",
    log:
        "logs/plots_ast/{plot}.log",
    benchmark:
        "benchmarks/plots_ast/{plot}.tsv"


rule table:
    """Write one table of the page as Markdown and LaTeX."""
    input:
        "results/exports.jsonl",
    output:
        md=report(
            "results/tables/{table}.md",
            caption="captions/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        tex="results/tables/{table}.tex",
    log:
        "logs/tables/{table}.log",
    benchmark:
        "benchmarks/tables/{table}.tsv"
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
        code=code_digest("table.py"),
        outputs=lambda w, output: repeated("--output", output),
    shell:
        """
        python "$SCRIPTS/table.py" --name {wildcards.table:q} --exports {input:q} {params.outputs} 2>&1 | tee {log:q}
        """


use rule table as table_ast with:
    input:
        "results/tagging_page/exports.jsonl",
    output:
        md=report(
            "results/tagging_page/tables/{table}.md",
            caption="captions/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        tex="results/tagging_page/tables/{table}.tex",
    log:
        "logs/tables_ast/{table}.log",
    benchmark:
        "benchmarks/tables_ast/{table}.tsv"


rule plots:
    """Every plot of the page."""
    input:
        lambda w: exported(checkpoints.exports, "plot"),


rule tables:
    """Every table of the page."""
    input:
        lambda w: exported(checkpoints.exports, "table"),


rule tagging_plots:
    """Every plot of the page of students."""
    input:
        lambda w: exported(checkpoints.exports_ast, "plot"),


rule tagging_tables:
    """Every table of the page of students."""
    input:
        lambda w: exported(checkpoints.exports_ast, "table"),
