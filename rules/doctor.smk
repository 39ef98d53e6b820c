"""What this machine can run."""


localrules:
    doctor,


rule doctor:
    """Say what this machine can run, what is out of reach and why, and what the rest takes."""

    # No output, so that it looks again whenever it is asked. It writes results/doctor.json.
    log:
        "logs/doctor.log",
    priority: 1000
    # The machine as Snakemake finds it: alone on it, and in no environment of its own.
    handover: True
    threads: 1
    resources:
        gpu=0,
        mem_mb=1000,
        runtime=5,
    params:
        config=read(hidden({key: value for key, value in config.items() if key != "fetch"})),
        targets=lambda w: repeated("--target", [target for target in targets() if target != "doctor"]),
    shell:
        """
        python "$SCRIPTS/doctor.py" --config {params.config:q} {params.targets} \
            --output results/doctor.json --log {log:q}
        """
