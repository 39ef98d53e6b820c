"""earmark: audio-model benchmarks as files. The way of the data is the order of the includes."""

from snakemake.utils import min_version

min_version("9.20")


configfile: f"{workflow.current_basedir}/config/config.yaml"


include: "rules/common.smk"
include: "rules/cells.smk"
include: "rules/tagging.smk"
include: "rules/download.smk"
include: "rules/fetch.smk"
include: "rules/segment.smk"
include: "rules/pack.smk"
include: "rules/audit.smk"
include: "rules/train.smk"
include: "rules/features.smk"
include: "rules/fbank.smk"
include: "rules/logits.smk"
include: "rules/students.smk"
include: "rules/evaluate.smk"
include: "rules/embeddings.smk"
include: "rules/probe.smk"
include: "rules/sweep.smk"
include: "rules/report.smk"
include: "rules/export.smk"
include: "rules/doctor.smk"


rule all:
    """Every result of the configured grid, the summary and the report."""
    default_target: True
    input:
        "results/summary.csv",
        "results/report.html",


rule grid:
    """The results of the configured grid, one file per cell."""
    input:
        grid_results(),


rule tagging:
    """Students that tag audio, over recipes and merging schedules (`tagging.grid`), and the page with them."""
    input:
        tagged_results(),
        "results/tagging_page.csv",
        "results/tagging_page.html",


rule embeddings:
    """Every configured layer of every configured model and task."""
    input:
        embedding_results(),


rule audit:
    """What the data of every configured task is made of, one page and one JSON each."""
    input:
        expand("data/{task}/audit.{kind}", task=audited_tasks(), kind=["json", "html"]),


rule demo:
    """What the README's first command makes: with the default config, the demo."""
    input:
        rules.all.input,


check_targets(workflow, lambda name: parse_target(name, SETTINGS))
