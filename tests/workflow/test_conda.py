"""`--use-conda` is honoured, and each environment's file is enough for the rules that name it.

Real conda needs its channel. A stand-in of the few calls Snakemake makes builds each environment from the
pip section of its file alone, out of the packages installed here (tests/isolated.py): a package that the
file leaves out is missing there, as it would be at the user's. What it cannot show: that conda-forge has
the Python and ffmpeg the files ask for.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from workflow import SMALL, Workflow

CONDA = """#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
root = pathlib.Path({root!r})
if words[:2] == ["info", "--json"]:
    print(json.dumps({{"conda_prefix": str(root), "platform": "linux-64"}}))
elif words == ["--version"]:
    print("conda 26.7.0")
elif words[:2] == ["config", "--get"]:
    print(json.dumps({{"get": {{"channel_priority": "strict"}}}}))
elif words[:2] == ["env", "create"]:
    sys.path.insert(0, {tests!r})
    import isolated, yaml
    prefix = pathlib.Path(words[words.index("--prefix") + 1])
    text = pathlib.Path(words[words.index("--file") + 1]).read_text()
    (pip,) = [part["pip"] for part in yaml.safe_load(text)["dependencies"] if isinstance(part, dict)]
    python = isolated.build(prefix, pip)
    (prefix / "made_from.yaml").write_text(text)
    python.unlink()
    python.write_text(f'#!/bin/sh\\necho "$1" >> {{prefix}}/ran.txt\\nexec {{prefix}}/bin/python3 "$@"\\n')
    python.chmod(0o755)
"""

EMBEDDINGS = [{"tasks": ["gtzan"], "layers": ["encoder", "lm.1"], "pooling": "mean"}]
TARGETS = ["all", "audit", "caption/embedded/gtzan.jsonl", "data/gtzan/shards-8000/test-00000-of-00001.tar"]


def test_every_rule_runs_with_the_packages_of_its_environment_alone(tmp_path, monkeypatch):
    root = tmp_path / "conda"
    (root / "bin").mkdir(parents=True)
    conda = root / "bin" / "conda"
    tests = str(Path(__file__).parents[1])
    conda.write_text(CONDA.format(python=sys.executable, root=str(root), tests=tests))
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    (root / "bin" / "activate").write_text('export PATH="$1/bin:$PATH"\n')

    (tmp_path / "flow").mkdir()
    flow = Workflow(tmp_path / "flow")
    flow.configure({**SMALL, "embeddings": EMBEDDINGS})
    monkeypatch.setenv("PATH", f"{root / 'bin'}:{flow.environment()['PATH']}")
    # What the host's Python has must not be seen.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    flow.run("-j2", "--use-conda", *TARGETS)

    ran = {
        Path(path.parent / "made_from.yaml").read_text(): set(path.read_text().split())
        for path in flow.folder.glob(".snakemake/conda/*/ran.txt")
    }
    scripts = {
        name: {Path(script).name for script in ran[(flow.folder / f"envs/{name}.yaml").read_text()]}
        for name in ("audio", "torch", "report")
    }
    expected = {
        "audio": {"download.py", "segment.py", "pack.py", "resample.py"},
        "torch": {
            "train.py",
            "checkpoint.py",
            "features.py",
            "evaluate.py",
            "prefill.py",
            "embed.py",
            "caption.py",
        },
        "report": {"audit.py", "probe.py", "summarize.py", "report.py"},
    }
    assert all(expected[name] <= scripts[name] for name in expected), scripts
    assert not scripts["audio"] & scripts["torch"] and not scripts["torch"] & scripts["report"]
