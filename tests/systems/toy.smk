"""Coins, tossed."""


rule toss:
    """Toss a coin."""
    output:
        "results/toy/{coin}_{times}.json",
    log:
        "logs/toss/{coin}_{times}.log",
    conda:
        "../envs/audio.yaml"
    params:
        code=code_digest("earmark/systems/toy/job.py"),
        settings=lambda w: read(
            {"coin": w.coin, "times": int(w.times), "seed": SETTINGS.config.seed}
        ),
        again=again,
    shell:
        """
        PYTHONPATH="$SCRIPTS" python -m earmark.systems.toy.job {params.settings:q} {output:q} {params.code} \
            {params.again} 2>&1 | tee {log:q}
        """
