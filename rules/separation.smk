"""Separation by text: a separator, domains of classes, their adapters, scores, and what routers make of them."""


include: "separation_parts.smk"


wildcard_constraints:
    separator=SEPARATORS,
    domain=r"[a-z][a-z0-9-]*",
    router="|".join(separation.ROUTERS),
    mixtures=r"[a-z][a-z0-9_]*",


rule separator:
    """Read a separator from AudioSep's checkpoint, or train one."""
    input:
        indexes=lambda w: separator_shards(w, "parquet"),
        tars=lambda w: separator_shards(w, "tar"),
        texts=separator_texts,
    output:
        record="separators/{separator}/separator.json",
        weights="separators/{separator}/separator.safetensors",
    log:
        "logs/separator/{separator}.log",
    benchmark:
        "benchmarks/separator/{separator}.tsv"
    conda:
        "../envs/torch.yaml"
    # One: with bf16 on a CPU, a step of the small network takes one thread 0.5 CPU seconds, and two threads 2.5.
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(6000),
        # A day; a retry goes on from the state that the first attempt saved.
        runtime=growing(1440),
    params:
        code=lambda w: code_digest("separator.py"),
        settings=lambda w: read(mistaken(job_settings.separator_job, w.separator)),
        state=lambda w: files_state(mistaken(job_settings.weight_files, w.separator)),
        indexes=lambda w, input: repeated("--index", input.indexes),
        texts=lambda w, input: option("--texts", input.texts),
        work=".earmark/separators/{separator}",
    shell:
        """
        python "$SCRIPTS/separator.py" --settings {params.settings:q} {params.indexes} {params.texts} \
            --output {output.record:q} --work {params.work:q} --code {params.code} --threads {threads} \
            2>&1 | tee {log:q}
        """


rule separation_texts:
    """Embed the labels of a task, or the queries of a benchmark, once each."""
    input:
        indexes=shards_of_texts,
        wheels=lambda w: text_wheels(w.separator),
    output:
        "separators/{separator}/texts/{named}.safetensors",
    log:
        "logs/separation_texts/{separator}/{named}.log",
    benchmark:
        "benchmarks/separation_texts/{separator}/{named}.tsv"
    wildcard_constraints:
        named=r"(set-)?[a-z][a-z0-9_]*",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=lambda w: code_digest("separation_texts.py"),
        settings=lambda w: read(mistaken(job_settings.texts_job, w.separator, w.named)),
        state=texts_state,
        indexes=lambda w, input: repeated("--index", input.indexes),
        wheels=lambda w, input: repeated("--wheel", input.wheels),
    shell:
        """
        python "$SCRIPTS/separation_texts.py" --settings {params.settings:q} {params.indexes} {params.wheels} \
            --output {output:q} --threads {threads} 2>&1 | tee {log:q}
        """


rule separation_partition:
    """Group a task's classes by how they sound, and list each domain's clips."""
    input:
        indexes=partitioned("parquet"),
        tars=partitioned("tar"),
    output:
        partition="separators/{separator}/partition.json",
        manifests=manifests(),
    log:
        "logs/separation_partition/{separator}.log",
    benchmark:
        "benchmarks/separation_partition/{separator}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("separation_partition.py"),
        settings=lambda w: read(mistaken(job_settings.partition_job)),
        state=lambda w: text_state(w.separator),
        indexes=lambda w, input: repeated("--index", input.indexes),
        manifests=lambda w, output: repeated("--manifest", output.manifests),
    shell:
        """
        python "$SCRIPTS/separation_partition.py" --settings {params.settings:q} {params.indexes} \
            {params.manifests} --output {output.partition:q} --code {params.code} --threads {threads} \
            2>&1 | tee {log:q}
        """


rule separation_adapter:
    """Train the adapter of one domain, or read DP-LASS's; the domains' jobs need nothing of each other."""
    input:
        separator="separators/{separator}/separator.json",
        weights="separators/{separator}/separator.safetensors",
        partition="separators/{separator}/partition.json",
        manifest="separators/{separator}/domains/{domain}.parquet",
        indexes=partitioned("parquet"),
        tars=partitioned("tar"),
        texts=lambda w: f"separators/{w.separator}/texts/{separation.own(SETTINGS).task}.safetensors",
    output:
        record="separators/{separator}/adapters/{domain}.json",
        weights="separators/{separator}/adapters/{domain}.safetensors",
    log:
        "logs/separation_adapter/{separator}/{domain}.log",
    benchmark:
        "benchmarks/separation_adapter/{separator}/{domain}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(6000),
        runtime=growing(1440),
    params:
        code=lambda w: code_digest("separation_adapter.py"),
        settings=lambda w: read(mistaken(job_settings.adapter_job, w.domain)),
        state=lambda w: files_state(mistaken(job_settings.adapter_files, w.domain)),
        indexes=lambda w, input: repeated("--index", input.indexes),
        work=".earmark/separators/{separator}/adapters/{domain}",
    shell:
        """
        python "$SCRIPTS/separation_adapter.py" --settings {params.settings:q} --separator {input.separator:q} \
            --partition {input.partition:q} --manifest {input.manifest:q} {params.indexes} --texts {input.texts:q} \
            --output {output.record:q} --work {params.work:q} --code {params.code} --threads {threads} \
            2>&1 | tee {log:q}
        """


rule separation_scores:
    """Separate a set of mixtures by one model, once, and score every estimate."""
    input:
        separator="separators/{separator}/separator.json",
        weights="separators/{separator}/separator.safetensors",
        adapters=lambda w: adapters_behind(w, "json"),
        changes=lambda w: adapters_behind(w, "safetensors"),
        partition=partition_behind,
        texts=tables_behind,
        indexes=lambda w: set_shards(w, "parquet"),
        tars=lambda w: set_shards(w, "tar"),
    output:
        record="separators/{separator}/scores/{mixtures}/{scored}.json",
        rows="separators/{separator}/scores/{mixtures}/{scored}.jsonl",
        sounds="separators/{separator}/scores/{mixtures}/{scored}.sounds.json",
    log:
        "logs/separation_scores/{separator}/{mixtures}/{scored}.log",
    benchmark:
        "benchmarks/separation_scores/{separator}/{mixtures}/{scored}.tsv"
    wildcard_constraints:
        scored=r"[a-z][a-z0-9-]*",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(6000),
        runtime=growing(1440),
    params:
        code=lambda w: code_digest("separation_scores.py"),
        settings=lambda w: read(mistaken(job_settings.scores_job, w.mixtures, w.scored)),
        state=set_state,
        adapters=lambda w, input: repeated("--adapter", input.adapters),
        partition=lambda w, input: option("--partition", input.partition),
        texts=lambda w, input: repeated("--texts", input.texts),
        indexes=lambda w, input: repeated("--index", input.indexes),
        work=".earmark/separators/{separator}/scores/{mixtures}/{scored}",
    shell:
        """
        python "$SCRIPTS/separation_scores.py" --settings {params.settings:q} --separator {input.separator:q} \
            {params.adapters} {params.partition} {params.texts} {params.indexes} --output {output.record:q} \
            --sounds {output.sounds:q} --work {params.work:q} --code {params.code} --threads {threads} \
            2>&1 | tee {log:q}
        """


rule separation_result:
    """Choose among the models' estimates as a router does."""
    input:
        scores=scores_behind,
        rows=lambda w: [f"{path.removesuffix('.json')}.jsonl" for path in scores_behind(w)],
        partition=partition_behind,
        texts=lambda w: tables_behind(w) if separation.domains(SETTINGS) else [],
    output:
        record="results/separation/{mixtures}_{router}.json",
        rows="results/separation/{mixtures}_{router}.jsonl",
    log:
        "logs/separation_result/{mixtures}_{router}.log",
    benchmark:
        "benchmarks/separation_result/{mixtures}_{router}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=lambda w: code_digest(
            "separation_result.py",
            *(f"earmark/systems/separation/routing/{n}.py" for n in (w.router, "oracle")),
        ),
        settings=lambda w: read(mistaken(job_settings.result_job, w.mixtures, w.router)),
        scores=lambda w, input: repeated("--scores", input.scores),
        partition=lambda w, input: option("--partition", input.partition),
        texts=lambda w, input: repeated("--texts", input.texts),
        again=again,
    shell:
        """
        python "$SCRIPTS/separation_result.py" {params.scores} {params.partition} {params.texts} --settings {params.settings:q} \
            --output {output.record:q} --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """


rule separated:
    """Separate a recording that config names by a query in the path, with _ for spaces."""
    input:
        recording=lambda w: mistaken(separation.recording, w.named),
        separator=lambda w: f"separators/{mistaken(separation.chosen)}/separator.json",
        weights=lambda w: f"separators/{mistaken(separation.chosen)}/separator.safetensors",
        wheels=lambda w: text_wheels(mistaken(separation.chosen)),
    output:
        "separated/{named}/{query}.flac",
    log:
        "logs/separated/{named}/{query}.log",
    benchmark:
        "benchmarks/separated/{named}/{query}.tsv"
    wildcard_constraints:
        named=r"[a-z][a-z0-9-]*",
        query="[^/]+",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("separate.py"),
        query=lambda w: w.query.replace("_", " "),
        state=lambda w: text_state(mistaken(separation.chosen)),
        chunks=lambda w: separation.own(SETTINGS).chosen("chunk_s", "overlap_s"),
        batch=lambda w: repeated("--batch", filter(None, [separation.own(SETTINGS).batch])),
        device=SETTINGS.config.device,
        wheels=lambda w, input: repeated("--wheel", input.wheels),
    shell:
        """
        python "$SCRIPTS/separate.py" --separator {input.separator:q} {params.wheels} --output {output:q} \
            --device {params.device} --chunk-s {params.chunks[chunk_s]} --overlap-s {params.chunks[overlap_s]} \
            {params.batch} --threads {threads} -- {input.recording:q} {params.query:q} 2>&1 | tee {log:q}
        """
