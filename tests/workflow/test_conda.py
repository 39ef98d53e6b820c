"""`--use-conda` is honoured: rules run in the environment made from their file in envs/.

Real conda needs its channel; here a stand-in of the few calls Snakemake makes shows that each rule
asks for its own file and runs with that environment's Python.
"""

from __future__ import annotations

import stat
import subprocess
import sys

CONDA = """#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
root = pathlib.Path({root!r})
with (root / "calls.txt").open("a") as log:
    log.write(" ".join(words) + "\\n")
if words[:2] == ["info", "--json"]:
    print(json.dumps({{"conda_prefix": str(root), "platform": "linux-64"}}))
elif words == ["--version"]:
    print("conda 26.7.0")
elif words[:2] == ["config", "--get"]:
    print(json.dumps({{"get": {{"channel_priority": "strict"}}}}))
elif words[:2] == ["env", "create"]:
    prefix = pathlib.Path(words[words.index("--prefix") + 1])
    (prefix / "bin").mkdir(parents=True)
    made = pathlib.Path(words[words.index("--file") + 1]).read_text()
    (prefix / "made_from.yaml").write_text(made)
    python = prefix / "bin" / "python"
    python.write_text('#!/bin/sh\\necho "$@" >> ' + str(prefix) + '/ran.txt\\nexec {python} "$@"\\n')
    python.chmod(0o755)
"""


def test_a_rule_runs_in_the_environment_of_its_file(copied, tmp_path, monkeypatch):
    root = tmp_path / "conda"
    (root / "bin").mkdir(parents=True)
    conda = root / "bin" / "conda"
    conda.write_text(CONDA.format(python=sys.executable, root=str(root)))
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    (root / "bin" / "activate").write_text('export PATH="$1/bin:$PATH"\n')

    environment = copied.environment()
    environment["PATH"] = f"{root / 'bin'}:{environment['PATH']}"
    (copied.folder / "data/gtzan/clips.parquet").unlink()
    (copied.folder / "results/gtzan_dart_0.5.json").unlink()
    done = subprocess.run(
        copied.command("-j1", "--use-conda", "results/gtzan_dart_0.5.json"),
        cwd=copied.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    ran = {p.parent: p.read_text() for p in copied.folder.glob(".snakemake/conda/*/ran.txt")}
    made = {(folder / "made_from.yaml").read_text(): text for folder, text in ran.items()}
    torch = (copied.folder / "envs/torch.yaml").read_text()
    assert "evaluate.py" in made[torch]
    assert all("evaluate.py" not in text for env, text in made.items() if env != torch)
