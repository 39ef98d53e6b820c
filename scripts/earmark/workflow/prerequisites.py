"""What the machine must have for what Snakemake was told to use, looked at before any job."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from earmark.core.errors import UserError

KEYS = ("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN")


def check_conda() -> None:
    """Check that there is a conda for ``--use-conda``; raises UserError."""
    if shutil.which("conda") is None:
        raise UserError(
            "--use-conda: there is no conda here; install it, or leave --use-conda out: with the packages of "
            "requirements.lock installed (make env) no rule needs it"
        )


def check_slurm() -> None:
    """Check that jobs can be sent to Slurm from here; raises UserError."""
    if shutil.which("sbatch") is None:
        raise UserError(
            "profile slurm: there is no sbatch here; run it on a submit host of the cluster, or leave the "
            "profile out to run on this machine"
        )


def check_bucket(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> None:
    """Check that there are keys for a bucket; raises UserError."""
    kept = (home or Path.home()) / ".aws" / "credentials"
    if not any(environment.get(key) for key in KEYS) and not kept.is_file():
        raise UserError(
            "storage s3: there are no keys for the bucket; export SNAKEMAKE_STORAGE_S3_ACCESS_KEY and "
            "SNAKEMAKE_STORAGE_S3_SECRET_KEY (docs/cluster.md)"
        )
