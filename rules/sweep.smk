"""Students that tag audio, over merging schedules: what they predict, how fast they are, what it amounts to."""

from earmark.tagging import request as students


rule ast_speed:
    """Time a student at one merging schedule beside the unmerged one and its 16/16-stride baseline."""
    input:
        classes="data/{task}/classes.json",
    output:
        "results/ast/speed/{task}_{student}_r{r}.json",
    log:
        "logs/ast_speed/{task}_{student}_r{r}.log",
    benchmark:
        "benchmarks/ast_speed/{task}_{student}_r{r}.tsv"
    wildcard_constraints:
        student="[a-z][a-z0-9-]*",
        r="[a-z0-9-]+",
    conda:
        "../envs/torch.yaml"
    # All cores, so that no job of ours runs beside a measurement; it computes with one thread.
    threads: all_cores
    resources:
        gpu=gpus(),
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("ast_speed.py"),
        settings=lambda w: read(students.speed(SETTINGS, w.task, w.student, w.r)),
    shell:
        """
        python "$SCRIPTS/ast_speed.py" --classes {input.classes:q} --settings {params.settings:q} \
            --output {output:q} --code {params.code} 2>&1 | tee {log:q}
        """
