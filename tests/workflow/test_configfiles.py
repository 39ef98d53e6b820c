"""A --configfile that cannot be read is said in the last line; Snakemake reads it before the Snakefile."""

from __future__ import annotations

import subprocess

import pytest
import warm

from earmark.core.places import ROOT

PROFILES = sorted(path.parent.name for path in ROOT.glob("profiles/*/config.yaml"))


def run(folder, name, profile="default"):
    command = [warm.python(), "-m", "snakemake", "-n", "-s", ROOT / "Snakefile", "--configfile", name]
    command += ["--workflow-profile", ROOT / "profiles" / profile]
    return subprocess.run(
        [*command, "--", "data/gtzan/clips.parquet"], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nosuch.yaml", None, "error: --configfile nosuch.yaml: No such file or directory"),
        ("broken.yaml", "models:\n  - a: [1\nb: 2\n", "error: --configfile broken.yaml, line 3: not YAML ("),
    ],
)
def test_a_config_file_that_cannot_be_read_is_named_in_the_last_line(name, content, said, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run(tmp_path, name)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(said), done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_says_so(profile, tmp_path):
    done = run(tmp_path, "nosuch.yaml", profile)
    assert done.stderr.splitlines()[-1].startswith("error: --configfile nosuch.yaml: No such file"), (
        done.stderr
    )


def test_json_indented_by_tabs_is_read(tmp_path):
    (tmp_path / "good.json").write_text('{\n\t"seed": 3\n}\n')
    done = run(tmp_path, "good.json")
    assert done.returncode == 0, done.stderr
