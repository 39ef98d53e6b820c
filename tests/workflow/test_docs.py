"""The documentation followed literally works; of its links see test_docs_links."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import textwrap
from itertools import product

import numpy as np
import pytest
import soundfile
import warm
import yaml
from workflow import SMALL, Workflow

from earmark.config.settings import Settings
from earmark.core.places import ROOT
from earmark.reduction.loader import available


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
    for block in blocks("docs/published.md")
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
        [warm.python(), "-m", *words, "-n", "--quiet", "rules"],
        cwd=flow.folder,
        env=flow.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answer" in done.stdout + done.stderr


def test_the_published_grid_is_every_task_and_every_published_method():
    paper = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    cells = {(task, method) for g in paper["grid"] for task in g["tasks"] for method in g["methods"]}
    methods = {"dart", "fastv", "random", "frame", *available("kv-")}  # the base comes along by itself
    assert cells == set(product(paper["tasks"], methods)) and len(paper["tasks"]) == 10


@pytest.mark.parametrize("method", ["dart", "fastv", "random", "frame", *available("kv-")])
def test_every_method_has_a_reference_variant_of_that_name(method):
    paper = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    assert paper["methods"][f"{method}-reference"] == {"reducer": method, "reference": True}


YAML = [b for b in map(str.strip, blocks("docs/add_a_task.md")) if not b.startswith(("file,", "snakemake"))]


@pytest.mark.parametrize("text", YAML, ids=lambda text: text.split(":")[0])
def test_every_block_of_the_task_page_is_part_of_a_valid_task(text):
    task = {"title": "Mine", "data": {"source": {"kind": "folder", "root": "x"}}} | yaml.safe_load(text)
    found = Settings.load({**SMALL, "tasks": {**SMALL["tasks"], "sounds": task}}, ROOT)
    assert found.task("sounds").title == task["title"]


def test_the_task_page_followed_to_the_letter_gives_a_result(tmp_path):
    # given recordings named as on the page, and its table and its YAML, both as they stand but for the folder
    (table,) = [b for b in blocks("docs/add_a_task.md") if b.strip().startswith("file,")]
    (task,) = [b for b in YAML if "kind: folder" in b]
    names, draw = [line.split(",") for line in table.split()], np.random.default_rng(0)
    rows = [names[0]]
    for (file, *said), clip in product(names[1:], range(8)):
        rows.append([re.sub(r"\d+-(\d+)-", f"1-{clip}-", file), *said])
        path = tmp_path / "esc10" / rows[-1][0]
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, draw.normal(0, 0.1, 16000 * 9).astype("f4"), 16000)
    (tmp_path / "esc10" / "metadata.csv").write_text("".join(f"{','.join(row)}\n" for row in rows))
    assert task.count("/data/esc10") == 1
    (tmp_path / "flow").mkdir()
    flow = Workflow(tmp_path / "flow")
    (flow.folder / "config/tasks/sounds.yaml").write_text(
        task.replace("/data/esc10", str(tmp_path / "esc10"))
    )
    # when the command of the page is run
    assert "snakemake -j1 results/sounds_base_1.0.json" in (ROOT / "docs/add_a_task.md").read_text()
    flow.run("-j1", "results/sounds_base_1.0.json")
    # then there is a result, on test clips of originals that were not trained on
    record = json.loads((flow.folder / "results/sounds_base_1.0.json").read_text())
    assert record["counts"]["scored"] == record["counts"]["total"] > 1
    assert record["asked"]["title"] == yaml.safe_load(task)["title"]
    assert record["provenance"]["data"]["licences"] == ["CC-BY-3.0", "CC0-1.0"]


@pytest.mark.parametrize("page", ["README.md", "docs/add_a_task.md"])
def test_the_task_of_the_docs_is_a_valid_task(page):
    (text,) = [b for b in blocks(page) if "kind: folder" in b]
    settings = Settings.load({**SMALL, "tasks": {**SMALL["tasks"], "sounds": yaml.safe_load(text)}}, ROOT)
    assert settings.task("sounds").data.source.kind == "folder"
