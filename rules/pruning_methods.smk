"""All methods of the grid side by side (docs/methods.md)."""


rule methods:
    """All methods of the configured grid side by side: quality, tokens kept, prefill time."""
    input:
        grid_results(),
        speeds=studies.speed_paths(SETTINGS),
    output:
        table="results/methods.csv",
        plot="results/methods.svg",
    log:
        "logs/methods.log",
    benchmark:
        "benchmarks/methods.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda w: code_digest("methods.py"),
        settings=read(studies.side_by_side(SETTINGS)),
    shell:
        """
        python "$SCRIPTS/methods.py" --settings {params.settings:q} --table {output.table:q} \
            --plot {output.plot:q} 2>&1 | tee {log:q}
        """


rule methods_speed:
    """Time the prefill of every method that the grid asks of a task, each run beside an unpruned one."""
    input:
        unpack(heard),
        checkpoint=checkpoint_of,
        profiles=lambda w: profiles(w.model, speeds_settings(w.model, w.task).methods),
    output:
        "speeds/{model}/{task}.json",
    log:
        "logs/speeds/{model}/{task}.log",
    benchmark:
        "benchmarks/speeds/{model}/{task}.tsv"
    conda:
        "../envs/torch.yaml"
    # All cores, so that no job of ours runs beside a measurement; it computes with one thread.
    threads: all_cores
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("evaluating", "evaluate")),
        runtime=growing(120),
    params:
        code=lambda w: speeds_code(w.model, speeds_settings(w.model, w.task).methods),
        settings=lambda w: read(speeds_settings(w.model, w.task)),
        encoding=encoding_here,
        heard=lambda w, input: heard_options(input),
    shell:
        """
        python "$SCRIPTS/methods_speed.py" {params.heard} --checkpoint {input.checkpoint:q} \
            {params.encoding} --settings {params.settings:q} --output {output:q} --code {params.code} \
            2>&1 | tee {log:q}
        """
