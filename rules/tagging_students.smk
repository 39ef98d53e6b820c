"""Students that tag audio, trained from labels and from what teachers say: one training per fold and seed."""


wildcard_constraints:
    recipe="[a-z][a-z0-9-]*",
    r="[a-z0-9-]+",
    fold="[A-Za-z0-9]+",
    run_seed="[0-9]+",


rule train_student:
    """Train a student; with --set-resources train_student:gpu=4 (or :processes=2, :nodes=2) in several processes."""
    input:
        indexes=lambda w: every_shard(w, f"fbank/{w.task}", "parquet"),
        fbanks=lambda w: every_shard(w, f"fbank/{w.task}", "safetensors"),
        audio=student_audio,
        logits=student_logits,
        classes="data/{task}/classes.json",
        statistics="fbank/{task}/statistics.json",
    output:
        record="students/{task}/{recipe}/r{r}/{fold}-{run_seed}/student.json",
        weights="students/{task}/{recipe}/r{r}/{fold}-{run_seed}/model.safetensors",
        config="students/{task}/{recipe}/r{r}/{fold}-{run_seed}/config.json",
    log:
        "logs/train_student/{task}/{recipe}/r{r}/{fold}-{run_seed}.log",
    benchmark:
        "benchmarks/train_student/{task}/{recipe}/r{r}/{fold}-{run_seed}.tsv"
    conda:
        "../envs/torch.yaml"
    # One computes, the others load clips.
    threads: student_threads
    resources:
        gpu=gpus,
        processes=1,
        nodes=1,
        mem_mb=growing(8000),
        # A day; a retry goes on from the state that the first attempt saved.
        runtime=growing(1440),
    params:
        code=lambda w: code_digest("train_student.py"),
        settings=lambda w: read(training_of(w)),
        places=lambda w: read(student_places(w)),
        work=".earmark/students/{task}/{recipe}/r{r}/{fold}-{run_seed}",
    shell:
        """
        processes=$(({resources.gpu} > {resources.processes} ? {resources.gpu} : {resources.processes}))
        python "$SCRIPTS/train_student.py" --settings {params.settings:q} --places {params.places:q} \
            --classes {input.classes:q} --statistics {input.statistics:q} --output {output.record:q} \
            --work {params.work:q} --code {params.code} --processes $processes \
            --nodes {resources.nodes} --threads {threads} 2>&1 | tee {log:q}
        """
