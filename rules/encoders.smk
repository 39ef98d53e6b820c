"""Encoder scoring: shards fetched, features made once, a language model trained on them, answers, scores."""


include: "encoders_parts.smk"


wildcard_constraints:
    encoder="[a-z][a-z0-9-]*",
    suite="[a-z][a-z0-9-]*",
    dataset="[a-z0-9][a-z0-9_.-]*",


rule encoder_check:
    """Look at an encoder before any data is fetched: its contract, its cost, what to mend."""
    input:
        lambda w: encoding.checkpoint_of(SETTINGS, w.encoder),
    output:
        page="check/encoders/{encoder}",
        record="check/encoders/{encoder}.json",
    log:
        "logs/encoder_check/{encoder}.log",
    benchmark:
        "benchmarks/encoder_check/{encoder}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        code=lambda w: encoder_code("encoder_check.py", w.encoder),
        own=lambda w: encoding.own_code(SETTINGS, w.encoder),
        settings=lambda w: read(encoding.checking(SETTINGS, w.encoder)),
        checkpoint=lambda w, input: repeated("--checkpoint", input),
    shell:
        """
        python "$SCRIPTS/encoder_check.py" --settings {params.settings:q} {params.checkpoint} \
            --output {output.page:q} --record {output.record:q} --threads {threads} 2>&1 | tee {log:q}
        """


rule encoder_shard:
    """Fetch one shard of the hub or of an address to where a manual download would put it, and check it."""
    output:
        f"{suites.home()}/{{fetched}}",
    log:
        "logs/encoder_shard/{fetched}.log",
    benchmark:
        "benchmarks/encoder_shard/{fetched}.tsv"
    wildcard_constraints:
        fetched=r"[^.].*\.tar(\.[a-z0-9]+)?",
    conda:
        "../envs/torch.yaml"
    threads: waiting
    resources:
        gpu=0,
        downloads=1,
        mem_mb=growing(1000),
        runtime=growing(240),
    params:
        # No code digest: what the file is is settled by the commit, and an edit must not need the network.
        settings=lambda w: read(encoding.fetching(SETTINGS, f"{suites.home()}/{w.fetched}")),
    shell:
        """
        python "$SCRIPTS/encoder_shard.py" --settings {params.settings:q} --output {output:q} 2>&1 | tee {log:q}
        """


rule encoder_features:
    """Encode one shard of tars; every suite and every text of a clip reads the result."""
    input:
        tar=lambda w: suites.shard_named(SETTINGS, w.piece).path,
        checkpoint=lambda w: encoding.checkpoint_of(SETTINGS, w.encoder),
    output:
        states="features/encoders/{encoder}/{form}/{piece}.safetensors",
        index="features/encoders/{encoder}/{form}/{piece}.parquet",
    log:
        "logs/encoder_features/{encoder}/{form}/{piece}.log",
    benchmark:
        "benchmarks/encoder_features/{encoder}/{form}/{piece}.tsv"
    wildcard_constraints:
        form="[a-z][a-z0-9.-]*",
        piece="[A-Za-z0-9_-]+",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        code=lambda w: encoder_code("encoder_features.py", w.encoder),
        own=lambda w: encoding.own_code(SETTINGS, w.encoder),
        settings=lambda w: read(encoding.extraction(SETTINGS, w.encoder, w.form)),
        checkpoint=lambda w, input: repeated("--checkpoint", input.checkpoint),
    shell:
        """
        python "$SCRIPTS/encoder_features.py" --shard {input.tar:q} {params.checkpoint} \
            --settings {params.settings:q} --output {output.states:q} --threads {threads} 2>&1 | tee {log:q}
        """


rule encoder_train:
    """Train a language model to read features; in several processes with --set-resources encoder_train:processes=2."""
    input:
        indexes=lambda w: encoding.train_files(SETTINGS, *trained_encoder(w)),
        encoder=lambda w: encoding.checkpoint_of(SETTINGS, trained_encoder(w)[0]),
        decoder=lambda w: encoding.decoder_of(SETTINGS, trained_encoder(w)[1]),
    output:
        record="models/{scored}/checkpoint.json",
        curves="models/{scored}/training.json",
        projector="models/{scored}/model.safetensors",
    log:
        "logs/encoder_train/{scored}.log",
    benchmark:
        "benchmarks/encoder_train/{scored}.tsv"
    wildcard_constraints:
        scored=trained_encoders(),
    priority: 50
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        processes=1,
        mem_mb=growing(8000),
        runtime=growing(1440),
    params:
        code=lambda w: encoder_code("encoder_train.py", trained_encoder(w)[0]),
        settings=lambda w: read(encoding.training(SETTINGS, *trained_encoder(w))),
        encoder=lambda w, input: repeated("--encoder", input.encoder),
        # A folder, not files: all shards would not fit on a command line.
        features=lambda w, input: folders_of(input.indexes)[0],
        work=".earmark/encoder_train/{scored}",
    shell:
        """
        processes=$(({resources.gpu} > {resources.processes} ? {resources.gpu} : {resources.processes}))
        python "$SCRIPTS/encoder_train.py" --features {params.features:q} {params.encoder} \
            --decoder {input.decoder:q} --settings {params.settings:q} --output {output.record:q} \
            --work {params.work:q} --processes $processes --threads {threads} 2>&1 | tee {log:q}
        """


rule encoder_answer:
    """Ask the trained model about every clip of a data set, each once."""
    input:
        indexes=lambda w: encoding.test_files(SETTINGS, w.encoder, w.suite, w.dataset),
        checkpoint=lambda w: f"models/{trained.model_name(w.encoder, w.suite)}/checkpoint.json",
    output:
        record="answers/encoders/{encoder}/{suite}/{dataset}.json",
        rows="answers/encoders/{encoder}/{suite}/{dataset}.jsonl",
    log:
        "logs/encoder_answer/{encoder}/{suite}/{dataset}.log",
    benchmark:
        "benchmarks/encoder_answer/{encoder}/{suite}/{dataset}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("encoder_answer.py"),
        settings=lambda w: read(encoding.answering(SETTINGS, w.encoder, w.suite, w.dataset)),
        # A folder, not files: all shards would not fit on a command line.
        features=lambda w, input: folders_of(input.indexes)[0],
        work=".earmark/encoder_answer/{encoder}/{suite}/{dataset}.jsonl",
    shell:
        """
        python "$SCRIPTS/encoder_answer.py" --features {params.features:q} --checkpoint {input.checkpoint:q} \
            --settings {params.settings:q} --output {output.record:q} --work {params.work:q} \
            --code {params.code} --threads {threads} 2>&1 | tee {log:q}
        """


rule encoder_score:
    """Score the answers to a data set; no model is asked again."""
    input:
        record="answers/encoders/{encoder}/{suite}/{dataset}.json",
        rows="answers/encoders/{encoder}/{suite}/{dataset}.jsonl",
    output:
        record=report(
            "results/encoders/{encoder}/{suite}/{dataset}.json",
            caption="captions/encoder_score.rst",
            category="Audio encoders",
            labels={"encoder": "{encoder}", "suite": "{suite}", "data set": "{dataset}"},
        ),
        rows="results/encoders/{encoder}/{suite}/{dataset}.jsonl",
    log:
        "logs/encoder_score/{encoder}/{suite}/{dataset}.log",
    benchmark:
        "benchmarks/encoder_score/{encoder}/{suite}/{dataset}.tsv"
    wildcard_constraints:
        dataset="(?!scores[.])[a-z0-9][a-z0-9_.-]*",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        again=again,
        code=lambda w: code_digest("encoder_score.py"),
        settings=lambda w: read(encoding.scoring(SETTINGS, w.encoder, w.suite, w.dataset)),
    shell:
        """
        python "$SCRIPTS/encoder_score.py" --answers {input.record:q} --settings {params.settings:q} \
            --output {output.record:q} --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """


rule encoder_table:
    """Gather an encoder's scores on all data sets of a suite, and their mean."""
    input:
        lambda w: encoding.results_of(SETTINGS, w.encoder, w.suite),
    output:
        record="results/encoders/{encoder}/{suite}/scores.json",
        tsv="results/encoders/{encoder}/{suite}/scores.tsv",
    log:
        "logs/encoder_table/{encoder}/{suite}.log",
    benchmark:
        "benchmarks/encoder_table/{encoder}/{suite}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        again=again,
        code=lambda w: code_digest("encoder_table.py"),
        settings=lambda w: read(encoding.tabling(SETTINGS, w.encoder, w.suite)),
        results=lambda w, input: repeated("--result", input),
    shell:
        """
        python "$SCRIPTS/encoder_table.py" {params.results} --settings {params.settings:q} \
            --tsv {output.tsv:q} --output {output.record:q} --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """


rule encoder_wrong_answers:
    """Collect wrong answers of encoders, with a few seconds of what was heard."""
    input:
        results=encoding.answered(SETTINGS),
        rows=[path.replace(".json", ".jsonl") for path in encoding.answered(SETTINGS)],
    output:
        encoding.WRONG_ANSWERS,
    log:
        "logs/encoder_wrong_answers.log",
    benchmark:
        "benchmarks/encoder_wrong_answers.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda w: code_digest("encoder_wrong_answers.py"),
        settings=lambda w: read(encoding.showing(SETTINGS)),
    shell:
        """
        python "$SCRIPTS/encoder_wrong_answers.py" --settings {params.settings:q} --output {output:q} \
            2>&1 | tee {log:q}
        """
