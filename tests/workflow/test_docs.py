"""The documentation followed literally works; of its links see test_docs_links."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import textwrap

import pytest
import yaml
from workflow import SMALL, Workflow

from earmark.provenance import ROOT
from earmark.reduction.loader import available
from earmark.settings import Settings


def blocks(name: str) -> list[str]:
    """The indented code blocks of a page, without their indentation."""
    text = (ROOT / name).read_text()
    return [textwrap.dedent(b) for b in re.findall(r"(?m)(?:^(?: {4,}\S.*)?\n)+", text) if b.strip()]


def test_the_method_of_the_docs_runs_after_following_its_steps(copied):
    (code,) = [b for b in blocks("docs/add_a_method.md") if "class Edges" in b]
    (copied.folder / "scripts/earmark/reduction/edges.py").write_text(code.strip() + "\n")
    assert copied.would_make("grid") == set(), "a new method made other results stale"
    copied.run("-j1", "results/gtzan_edges_0.5.json")
    record = json.loads((copied.folder / "results/gtzan_edges_0.5.json").read_text())
    assert record["reduction"]["keep_ratio_effective"] == pytest.approx(0.5, abs=0.01)


COMMANDS = [
    line.partition("#")[0].strip()
    for block in blocks("docs/reproduce.md")
    for line in block.splitlines()
    if line.startswith("snakemake")
]


def test_published_figures_have_commands_with_every_profile():
    text = " ".join(COMMANDS)
    assert len(COMMANDS) >= 5 and "--configfile config/paper.yaml" in text
    assert {"profile=reference_dart", "profile=reference_others"} <= set(text.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_beside_published_figures_runs_as_it_stands(tmp_path, command):
    flow = Workflow(tmp_path)
    words = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", *words, "-n", "--quiet", "rules"],
        cwd=flow.folder,
        env=flow.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "evaluate" in done.stdout + done.stderr


@pytest.mark.parametrize("method", ["dart", "fastv", "random", "frame", *available("kv-")])
def test_every_method_has_a_reference_variant_of_that_name(method):
    paper = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    assert paper["methods"][f"{method}-reference"] == {"reducer": method, "reference": True}


@pytest.mark.parametrize("page", ["README.md", "docs/add_a_task.md"])
def test_the_task_of_the_docs_is_a_valid_task(page):
    (text,) = [b for b in blocks(page) if "kind: folder" in b]
    settings = Settings.load({**SMALL, "tasks": {**SMALL["tasks"], "sounds": yaml.safe_load(text)}}, ROOT)
    assert settings.task("sounds")["data"]["source"]["kind"] == "folder"
