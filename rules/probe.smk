"""Linear probes of pooled embeddings, layer by layer, and a map of the best layer."""

from earmark.embedding.request import blocks, paths


def probed():
    """Return the settings of every block of embeddings that is pooled, by model and task."""
    return {
        (model, task): block
        for model, task, block in blocks(SETTINGS)
        if block["pooling"] != "none" and block.get("probe", True)
    }


def probe_results():
    """Return the paths of the probes of all pooled embeddings."""
    return [f"results/embeddings/{model}/{task}.json" for model, task in probed()]


def probed_block(wildcards):
    """Return the block of embeddings that a probe reads."""
    for model, task, block in blocks(SETTINGS):
        if (model, task) == (wildcards.model, wildcards.task):
            if block["pooling"] == "none":
                raise UserError(
                    f"config: embeddings: those of {model}/{task} are per frame; a probe needs one vector per "
                    "clip: set pooling to mean, last or masked_mean"
                )
            return block
    raise UserError(
        f"config: embeddings has no block for model '{wildcards.model}' and task '{wildcards.task}'"
    )


def probed_folders(wildcards):
    """Return the folders of the layers that a probe reads."""
    layers = probed_block(wildcards)["layers"]
    return [f"embeddings/{wildcards.model}/{wildcards.task}/{layer}" for layer in layers]


def probed_files(wildcards):
    """Return the files of vectors that a probe reads."""
    found = [
        path
        for layer in probed_block(wildcards)["layers"]
        for path in paths(SETTINGS, wildcards.model, wildcards.task, layer)
    ]
    return [f"{path.removesuffix('.safetensors')}.parquet" for path in found]


def probe_settings(wildcards):
    """Return what a probe reads of the configuration."""
    block, data = probed_block(wildcards), data_of(wildcards)
    synthetic = data["source"]["kind"].startswith("synthetic")
    return {
        "model": wildcards.model,
        "dataset": wildcards.task,
        "labels": sorted({*model_entry(wildcards)["labels"], *(["synthetic"] if synthetic else [])}),
        **{key: block[key] for key in ("pooling", "span")},
        "shards": {split: data["shards"][split] for split in data["segment"]},
        "seed": SETTINGS.content["seed"],
        "map_points": 1000,
    }


rule probe:
    """Read labels off each layer's vectors with a linear classifier."""
    input:
        probed_files,
    output:
        "results/embeddings/{model}/{task}.json",
    log:
        "logs/probe/{model}/{task}.log",
    benchmark:
        "benchmarks/probe/{model}/{task}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code_digest("probe.py"),
        settings=lambda w: read(probe_settings(w)),
        # Folders, not files: all shards of all layers would not fit on a command line.
        embeddings=lambda w: repeated("--embeddings", probed_folders(w)),
    shell:
        """
        python "$SCRIPTS/probe.py" {params.embeddings} --settings {params.settings:q} --output {output:q} \
            --code {params.code} 2>&1 | tee {log:q}
        """
