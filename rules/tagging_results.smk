"""Students that tag audio, over merging schedules: what they predict, how fast they are, what it amounts to."""


rule predict:
    """Run a trained student over the test clips of its fold, tokens merged as asked."""
    input:
        weights=lambda w: f"{student_of(w)}/model.safetensors",
        config=lambda w: f"{student_of(w)}/config.json",
        fbanks=lambda w: spectrograms_of(w, "safetensors"),
        indexes=lambda w: spectrograms_of(w, "parquet"),
        statistics="fbank/{task}/statistics.json",
        classes="data/{task}/classes.json",
    output:
        record="predictions/{task}/{recipe}/r{r}/{fold}-{run_seed}.json",
        logits="predictions/{task}/{recipe}/r{r}/{fold}-{run_seed}.safetensors",
        rows="predictions/{task}/{recipe}/r{r}/{fold}-{run_seed}.parquet",
    log:
        "logs/predict/{task}/{recipe}/r{r}/{fold}-{run_seed}.log",
    benchmark:
        "benchmarks/predict/{task}/{recipe}/r{r}/{fold}-{run_seed}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("predict.py"),
        settings=lambda w: read(sweep.prediction(SETTINGS, w.task, w.recipe, w.r, run_of(w))),
        student=student_of,
        indexes=lambda w, input: repeated("--index", input.indexes),
        fbanks=lambda w, input: repeated("--fbank", input.fbanks),
    shell:
        """
        python "$SCRIPTS/predict.py" --student {params.student:q} {params.indexes} {params.fbanks} \
            --classes {input.classes:q} --statistics {input.statistics:q} --settings {params.settings:q} \
            --output {output.record:q} --code {params.code} --threads {threads} 2>&1 | tee {log:q}
        """


rule tagging_speed:
    """Time a student at one merging schedule beside the unmerged one and its 16/16-stride baseline."""
    input:
        classes="data/{task}/classes.json",
    output:
        "results/tagging/speed/{task}_{student}_r{r}.json",
    log:
        "logs/tagging_speed/{task}_{student}_r{r}.log",
    benchmark:
        "benchmarks/tagging_speed/{task}_{student}_r{r}.tsv"
    wildcard_constraints:
        student="[a-z][a-z0-9-]*",
        r="[a-z0-9-]+",
    conda:
        "../envs/torch.yaml"
    # All cores, so that no job of ours runs beside a measurement; it computes with one thread.
    threads: all_cores
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(120),
        # Which schedules of the student the job may measure along with its own. No param: a speed is
        # compared with what ran in the same rounds, whoever else did.
        also=timed_in_this_run,
    params:
        code=lambda w: code_digest("tagging_speed.py"),
        settings=lambda w: read(tagging.speed(SETTINGS, w.task, w.student, w.r)),
        again=again,
        work=".earmark/speed/{task}_{student}",
    shell:
        """
        python "$SCRIPTS/tagging_speed.py" --classes {input.classes:q} --settings {params.settings:q} \
            --output {output:q} --also {resources.also:q} --work {params.work:q} --code {params.code} \
            --again {params.again} 2>&1 | tee {log:q}
        """


rule tagging_result:
    """Score what every fold and seed of a recipe predicts at one r."""
    input:
        predictions=lambda w: predicted(w, "json"),
        logits=lambda w: predicted(w, "safetensors"),
        rows=lambda w: predicted(w, "parquet"),
        students=trained,
        speed=lambda w: sweep.speed(SETTINGS, w.recipe, w.task, w.r),
        classes="data/{task}/classes.json",
    output:
        record="results/tagging/{task}_{recipe}_r{r}.json",
        rows="results/tagging/{task}_{recipe}_r{r}.jsonl",
        resamples="results/tagging/{task}_{recipe}_r{r}.resamples.parquet",
    log:
        "logs/tagging_result/{task}_{recipe}_r{r}.log",
    benchmark:
        "benchmarks/tagging_result/{task}_{recipe}_r{r}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("tagging_result.py"),
        settings=lambda w: read(sweep.result(SETTINGS, w.task, w.recipe, w.r)),
        again=again,
        predictions=lambda w, input: repeated("--prediction", input.predictions),
        students=lambda w, input: repeated("--student", input.students),
    shell:
        """
        python "$SCRIPTS/tagging_result.py" {params.predictions} {params.students} --speed {input.speed:q} \
            --classes {input.classes:q} --settings {params.settings:q} --output {output.record:q} \
            --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """
