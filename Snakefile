"""earmark: audio-model benchmarks as files. The way of the data is the order of the includes."""

import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

try:
    min_version("9.20")
except WorkflowError as error:
    # Too early for the library: it may not read with an old Snakemake.
    sys.exit(f"error: {error} Get it with `make env`, then run .venv/bin/snakemake")


# The configuration that a result carries says everything itself.
if not config.get("self_contained"):

    configfile: f"{workflow.current_basedir}/config/config.yaml"


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/download.smk"
include: "rules/fetch.smk"
include: "rules/segment.smk"
include: "rules/pack.smk"
include: "rules/audit.smk"
include: "rules/parts.smk"
include: "rules/train.smk"
include: "rules/features.smk"


# A system is a folder of scripts/earmark/systems/ and a file of its name here (docs/add_a_system.md).
for system in systems():

    include: f"rules/{system.name}.smk"


include: "rules/report.smk"
include: "rules/export.smk"
include: "rules/doctor.smk"


rule all:
    """Every result of the configured grid, the summary and the report."""
    default_target: True
    input:
        "results/summary.csv",
        "results/report.html",


for system in systems():

    rule:
        name:
            system.name
        input:
            reporting.targets(SETTINGS, system),


rule audit:
    """What the data of every configured task is made of, one page and one JSON each."""
    input:
        expand("data/{task}/audit.{kind}", task=audited_tasks(), kind=["json", "html"]),


rule real:
    """What `make real` makes, with config/real.yaml: a small model of real weights on real recordings."""
    input:
        rules.all.input,
        "massive/real-sounds/esc10.json",
        "massive/real-digits/digits.json",


rule separation_demo:
    """What docs/separation.md starts with, with config/separation.yaml: results and their page."""
    input:
        rules.separation.input,


rule demo:
    """What the README's first command makes: with the default config, the demo."""
    input:
        rules.all.input,


carry_versions()
check_targets(workflow, lambda name: check_target(name, SETTINGS), SETTINGS.check_all_sound)
