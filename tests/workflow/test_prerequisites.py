"""What is missing for a profile is said in one line before any job."""

from __future__ import annotations

import pytest

from earmark.core.errors import UserError
from earmark.workflow import prerequisites


def test_missing_commands_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="no conda here.*leave --use-conda out"):
        prerequisites.check_conda()
    with pytest.raises(UserError, match="no sbatch here"):
        prerequisites.check_slurm()
    for name in ("conda", "sbatch"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    prerequisites.check_conda()
    prerequisites.check_slurm()


def test_a_bucket_needs_keys_from_the_environment_or_a_file(tmp_path):
    with pytest.raises(UserError, match="export SNAKEMAKE_STORAGE_S3_ACCESS_KEY"):
        prerequisites.check_bucket({}, tmp_path)
    prerequisites.check_bucket({"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "k"}, tmp_path)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("")
    prerequisites.check_bucket({}, tmp_path)
