"""Layers of a model stored as files, linear probes of them, and descriptions of clips."""

from earmark.systems.embeddings import request as embedding
from earmark.systems.embeddings.probe import request as probing


include: "embeddings_parts.smk"


# A rule per model and task: all the layers configured for them come from one pass over a shard, so
# neither encoder nor language model ever runs twice, and a target of one layer belongs to that pass.
for model, task, block in embedding.blocks(SETTINGS):

    rule:
        name:
            f"embeddings_{model}_{task}"
        input:
            tar=f"data/{task}/shards/{{split}}-{{shard}}-of-{{of}}.tar",
            index=f"data/{task}/shards/{{split}}-{{shard}}-of-{{of}}.parquet",
            clips=f"data/{task}/clips.parquet",
            checkpoint=checkpoint_path(model, task),
        output:
            states=[
                f"embeddings/{model}/{task}/{layer}/_states/{{split}}-{{shard}}-of-{{of}}.safetensors"
                for layer in block.layers
            ],
            indexes=[
                f"embeddings/{model}/{task}/{layer}/{{split}}-{{shard}}-of-{{of}}.parquet"
                for layer in block.layers
            ],
        log:
            f"logs/embeddings/{model}/{task}/{{split}}-{{shard}}-of-{{of}}.log",
        benchmark:
            f"benchmarks/embeddings/{model}/{task}/{{split}}-{{shard}}-of-{{of}}.tsv"
        conda:
            "../envs/torch.yaml"
        threads: 1
        resources:
            gpu=gpus,
            mem_mb=growing(
                needs.embedding(
                    composed.known(SETTINGS, model), SETTINGS.config.features.batch_audio_s
                ).mem_mb
            ),
            runtime=growing(240),
        params:
            code=embedding_code("embed.py", model),
            settings=read(embedding.job(SETTINGS, model, task, block)),
            outputs=lambda w, output: repeated("--output", output.states),
        shell:
            """
            python "$SCRIPTS/embed.py" --shard {input.tar:q} --index {input.index:q} --clips {input.clips:q} \
                --checkpoint {input.checkpoint:q} --settings {params.settings:q} {params.outputs} \
                --code {params.code} --threads {threads} 2>&1 | tee {log:q}
            """


rule caption:
    """Describe every clip of a split; on request, store the language model's states of every token."""
    input:
        states=lambda w: shards_of(w, features_of(w), caption_split(), "safetensors"),
        indexes=lambda w: shards_of(w, features_of(w), caption_split(), "parquet"),
        checkpoint=checkpoint_of,
    output:
        **generation_states("caption/{model}/{task}.safetensors"),
        rows="caption/{model}/{task}.jsonl",
    log:
        "logs/caption/{model}/{task}.log",
    benchmark:
        "benchmarks/caption/{model}/{task}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(memory_of("evaluating", "caption")),
        runtime=growing(240),
    params:
        code=lambda w: embedding_code("caption.py", w.model),
        settings=lambda w: read(embedding.caption(SETTINGS, w.model, w.task)),
        states=lambda w, input: repeated("--features", input.states),
        indexes=lambda w, input: repeated("--index", input.indexes),
        work=".earmark/caption/{model}/{task}",
    shell:
        """
        python "$SCRIPTS/caption.py" {params.states} {params.indexes} --checkpoint {input.checkpoint:q} \
            --settings {params.settings:q} --output {output.rows:q} --work {params.work:q} \
            --code {params.code} --threads {threads} 2>&1 | tee {log:q}
        """


rule probe:
    """Read labels off each layer's vectors with a linear classifier."""
    input:
        lambda w: probing.files(SETTINGS, w.model, w.task),
    output:
        report(
            "results/embeddings/{model}/{task}.json",
            caption="captions/probe.rst",
            category="Embeddings",
            labels={"model": "{model}", "task": "{task}"},
        ),
    log:
        "logs/probe/{model}/{task}.log",
    benchmark:
        "benchmarks/probe/{model}/{task}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        gpu=0,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=lambda w: code_digest("probe.py"),
        settings=lambda w: read(probing.job(SETTINGS, w.model, w.task)),
        again=again,
        # Folders, not files: all shards of all layers would not fit on a command line.
        embeddings=lambda w, input: repeated("--embeddings", folders_of(input)),
    shell:
        """
        python "$SCRIPTS/probe.py" {params.embeddings} --settings {params.settings:q} --output {output:q} \
            --code {params.code} --again {params.again} 2>&1 | tee {log:q}
        """
