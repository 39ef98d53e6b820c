"""Pruned evaluation, and prefill time against keep ratio."""


include: "pruning_cells.smk"
include: "pruning_massive.smk"
include: "pruning_heads.smk"
include: "pruning_methods.smk"


wildcard_constraints:
    method="[a-z][a-z0-9-]*",
    ratio=r"0\.[0-9]*[1-9]|1\.0|[1-9][0-9]*t",
    seconds="[0-9]+",


rule grid:
    """The results of the configured grid, one file per cell."""
    input:
        grid_results(),


rule answer:
    """Have the model answer a task's questions with one method at one keep ratio."""
    input:
        unpack(heard),
        checkpoint=checkpoint_of,
        # A profile of heads that is made here is there before the method asks for it.
        profile=lambda w: profile_of(w.model, w.method),
    output:
        record="answers/{model}/{task}_{method}_{ratio}.json",
        rows="answers/{model}/{task}_{method}_{ratio}.jsonl",
    log:
        "logs/answer/{model}/{task}_{method}_{ratio}.log",
    benchmark:
        "benchmarks/answer/{model}/{task}_{method}_{ratio}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("evaluating", "evaluate")),
        runtime=growing(240),
        # Which cells of this run the job may answer along with its own, since the model is loaded. No param:
        # the answers do not depend on it.
        grid=grid_of_this_run,
    params:
        code=lambda w: answer_code(w.model, w.method),
        settings=lambda w: cell_settings(w.model, w.task, w.method, w.ratio),
        encoding=encoding_here,
        heard=lambda w, input: heard_options(input),
        work=lambda w: workplace(w.model, w.task, w.method, w.ratio),
    shell:
        """
        python "$SCRIPTS/answer.py" {params.heard} --checkpoint {input.checkpoint:q} \
            {params.encoding} --settings {params.settings:q} \
            --output {output.record:q} --work {params.work:q} \
            --grid {resources.grid:q} --code {params.code} --threads {threads} 2>&1 | tee {log:q}
        """


# As for checkpoints, see train.smk.
ruleorder: score > score_default


rule score:
    """Read and score what a model answered; no model is loaded."""
    input:
        record=lambda w: pruning.answers(model_of(w), w.task, w.method, w.ratio),
        rows=lambda w: f"{pruning.answers(model_of(w), w.task, w.method, w.ratio)}l",
    output:
        record=report(
            "results/{model}/{task}_{method}_{ratio}.json",
            caption="captions/result.rst",
            category="Token reduction",
            subcategory="{task}",
            labels={"model": "{model}", "method": "{method}", "kept": "{ratio}"},
        ),
        rows="results/{model}/{task}_{method}_{ratio}.jsonl",
    log:
        "logs/score/{model}/{task}_{method}_{ratio}.log",
    benchmark:
        "benchmarks/score/{model}/{task}_{method}_{ratio}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        code=lambda w: score_code(w.task),
        settings=lambda w: score_settings(model_of(w), w.task),
        again=again,
    shell:
        """
        python "$SCRIPTS/score.py" --answers {input.record:q} --settings {params.settings:q} \
            --output {output.record:q} --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """


use rule score as score_default with:
    output:
        record=report(
            "results/{task}_{method}_{ratio}.json",
            caption="captions/result.rst",
            category="Token reduction",
            subcategory="{task}",
            labels={"model": "the default", "method": "{method}", "kept": "{ratio}"},
        ),
        rows="results/{task}_{method}_{ratio}.jsonl",
    log:
        "logs/score/{task}_{method}_{ratio}.log",
    benchmark:
        "benchmarks/score/{task}_{method}_{ratio}.tsv"


rule prefill:
    """Time prefill at every keep ratio, each run beside an unpruned one."""
    input:
        checkpoint="models/{model}/checkpoint.json",
    output:
        report(
            "results/timing/{model}_{seconds}s.json",
            caption="captions/timing.rst",
            category="Prefill time",
            labels={"model": "{model}", "seconds of audio": "{seconds}"},
        ),
    log:
        "logs/prefill/{model}_{seconds}s.log",
    benchmark:
        "benchmarks/prefill/{model}_{seconds}s.tsv"
    conda:
        "../envs/torch.yaml"
    # All cores, so that no job of ours runs beside a measurement, unless that is allowed; it computes with
    # one thread.
    threads: lambda w: all_cores(w) if timing_settings(w).alone else 1
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("evaluating", "evaluate")),
        runtime=growing(120),
    params:
        code=lambda w: prefill_code(w),
        settings=lambda w: read(timing_settings(w)),
        again=again,
    shell:
        """
        python "$SCRIPTS/prefill.py" --checkpoint {input.checkpoint:q} --settings {params.settings:q} \
            --output {output:q} --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """


rule wrong_answers:
    """Collect wrong answers, with a few seconds of what was heard."""
    input:
        summary="results/summary.parquet",
        sounds=list(pruning.sounds(SETTINGS)),
    output:
        pruning.WRONG_ANSWERS,
    log:
        "logs/wrong_answers.log",
    benchmark:
        "benchmarks/wrong_answers.tsv"
    conda:
        "../envs/report.yaml"
    threads: 2
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda w: code_digest("wrong_answers.py"),
        settings=read(SETTINGS.config.report.plain()),
    shell:
        """
        python "$SCRIPTS/wrong_answers.py" --summary {input.summary:q} --data data \
            --settings {params.settings:q} --output {output:q} --threads {threads} 2>&1 | tee {log:q}
        """
