"""The summary table, the page, and both as files for papers: of all systems, and of each below its folder."""

from earmark.report import page_code as drawing
from earmark.report.pages import pages, rule_of


wildcard_constraints:
    page="|".join(pages()),


rule summarize:
    """Gather every result on disk into one long table, and compare what can be compared."""
    input:
        results=lambda w: reporting.required(SETTINGS, w.page),
        imports=lambda w: [] if w.page else reporting.imported(SETTINGS),
    output:
        csv=report("results/{page}summary.csv", caption="captions/summary.rst", category="Summary"),
        parquet="results/{page}summary.parquet",
    log:
        "logs/{page}summarize.log",
    benchmark:
        "benchmarks/{page}summarize.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda w: code_digest(*drawing.summary()),
        imports=lambda w: read([] if w.page else SETTINGS.config.plain()["import"]),
        system=lambda w: repeated("--system", [w.page.rstrip("/")] if w.page else []),
        # Results that no configuration asks for any more, or another program's target made.
        others=lambda w: reporting.others(SETTINGS, w.page),
    shell:
        # The folder, not its files: thousands would not fit on a command line.
        """
        python "$SCRIPTS/summarize.py" --results results {params.system} --imports {params.imports:q} \
            --memory .earmark/{wildcards.page}summary --csv {output.csv:q} --parquet {output.parquet:q} \
            2>&1 | tee {log:q}
        """


rule report:
    """Draw the page."""
    input:
        summary="results/{page}summary.parquet",
        files=lambda w: reporting.files_of(SETTINGS, w.page),
    output:
        report("results/{page}report.html", caption="captions/page.rst", category="Summary"),
    log:
        "logs/{page}report.log",
    benchmark:
        "benchmarks/{page}report.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda w: code_digest(*drawing.page()),
        files=lambda w, input: repeated("--file", input.get("files", [])),
    shell:
        """
        python "$SCRIPTS/report.py" --summary {input.summary:q} {params.files} --output {output:q} \
            2>&1 | tee {log:q}
        """
