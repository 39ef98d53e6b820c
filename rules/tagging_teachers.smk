"""Teachers of a task, and what they say of its clips: computed once, stored beside the clips' ids."""


wildcard_constraints:
    teacher="[a-z][a-z0-9-]*",


rule teacher:
    """Find and check a teacher's weights, or train a small one on the task; record what it is."""
    input:
        unpack(teacher_data),
        classes="data/{task}/classes.json",
    output:
        "teachers/{teacher}/{task}/teacher.json",
    log:
        "logs/teacher/{teacher}/{task}.log",
    benchmark:
        "benchmarks/teacher/{teacher}/{task}.tsv"
    # Early: weights that can't be found should be known before other work is done.
    priority: 90
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=lambda w: teacher_code("teacher.py", w.teacher),
        settings=lambda w: read(teachers.making(SETTINGS, w.teacher, w.task)),
        tars=lambda w, input: repeated("--shard", input.get("tars", [])),
        indexes=lambda w, input: repeated("--index", input.get("indexes", [])),
        work=".earmark/teacher/{teacher}/{task}",
    shell:
        """
        python "$SCRIPTS/teacher.py" {params.tars} {params.indexes} --settings {params.settings:q} \
            --classes {input.classes:q} --output {output:q} --work {params.work:q} --code {params.code} \
            --threads {threads} 2>&1 | tee {log:q}
        """


rule logits:
    """Run a teacher over one shard; rows of an interrupted job are kept."""
    input:
        tar="data/{task}/shards/{split}-{shard}-of-{of}.tar",
        index="data/{task}/shards/{split}-{shard}-of-{of}.parquet",
        classes="data/{task}/classes.json",
        teacher="teachers/{teacher}/{task}/teacher.json",
    output:
        logits="logits/{teacher}/{task}/{split}-{shard}-of-{of}.safetensors",
        index="logits/{teacher}/{task}/{split}-{shard}-of-{of}.parquet",
        record="logits/{teacher}/{task}/{split}-{shard}-of-{of}.json",
    log:
        "logs/logits/{teacher}/{task}/{split}-{shard}-of-{of}.log",
    benchmark:
        "benchmarks/logits/{teacher}/{task}/{split}-{shard}-of-{of}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        code=lambda w: teacher_code("logits.py", w.teacher),
        settings=lambda w: read(teachers.job(SETTINGS, w.teacher, w.task)),
        work=".earmark/logits/{teacher}/{task}/{split}-{shard}-of-{of}",
    shell:
        """
        python "$SCRIPTS/logits.py" --shard {input.tar:q} --index {input.index:q} --teacher {input.teacher:q} \
            --classes {input.classes:q} --settings {params.settings:q} --output {output.logits:q} \
            --work {params.work:q} --code {params.code} --threads {threads} 2>&1 | tee {log:q}
        """
