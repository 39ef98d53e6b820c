"""A plan that is made quickly is the plan that Snakemake makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from workflow import SMALL, Workflow

from earmark.core import digests
from earmark.workflow import given, planning


def blocks(text: str) -> set[tuple[str, str]]:
    """The rule and the outputs of every job that Snakemake itself tells of."""
    found = re.findall(
        r"^(?:checkpoint|rule) (\w+):\n(?:    .*\n)*?    output: (.*)$", text, flags=re.MULTILINE
    )
    return {(rule, output) for rule, outputs in found for output in outputs.split(", ")}


def groups(text: str) -> set[tuple[str, str]]:
    """The same of the short list."""
    found = re.findall(r"^(\w+): \d+ jobs?\n    output: (.*)$", text, flags=re.MULTILINE)
    return {(rule, output) for rule, outputs in found for output in outputs.split(", ")}


def test_the_short_plan_names_the_jobs_and_outputs_of_the_long_one(tmp_path):
    flow = Workflow(tmp_path)
    long, short = flow.run("-n", "-p", "all").stdout, flow.run("-n", "all").stdout
    assert groups(short) == blocks(long) != set()


def test_a_wrong_command_is_found_by_a_short_plan(tmp_path):
    flow = Workflow(tmp_path)
    rule = flow.folder / "rules" / "audit.smk"
    rule.write_text(rule.read_text().replace("{params.settings:q}", "{params.setings:q}"))
    said = flow.run("-n", "data/gtzan/audit.json", check=False)
    assert said.returncode != 0 and "setings" in said.stdout


def test_an_output_below_another_is_found():
    assert planning.one_holds_another(["/a/b", "/a/b/c/d"])
    assert not planning.one_holds_another(["/a/b", "/a/bc/d", "/a/c"])


def fresh(monkeypatch) -> None:
    """Forget what this process knows of modules, as a new one does."""
    monkeypatch.setattr(digests, "KNOWN", {})
    for module in (digests, given):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


def test_code_is_digested_from_what_an_earlier_start_read_and_an_edit_is_seen(tmp_path, monkeypatch):
    scripts = tmp_path / "scripts"
    (scripts / "earmark").mkdir(parents=True)
    (scripts / "job.py").write_text("from earmark import part\n")
    part = scripts / "earmark" / "part.py"
    part.write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    for module in (digests, given):
        monkeypatch.setattr(module, "SCRIPTS", scripts)
    fresh(monkeypatch)
    first = given.code("job.py")
    kept = Path(".earmark/code/modules.json").read_text()
    assert len(json.loads(kept)["modules"]) == 2

    fresh(monkeypatch)
    monkeypatch.setattr(digests.ast, "parse", lambda *args, **kwargs: 1 / 0)  # nothing is parsed again
    assert given.code("job.py") == first
    monkeypatch.undo()

    monkeypatch.chdir(tmp_path)
    for module in (digests, given):
        monkeypatch.setattr(module, "SCRIPTS", scripts)
    part.write_text("x = 2\n")
    fresh(monkeypatch)
    second = given.code("job.py")
    part.write_text("x = 1  # as before\n")
    fresh(monkeypatch)
    assert second != first == given.code("job.py")
    fresh(monkeypatch)


def test_a_dry_run_does_not_write_what_every_cell_is_given(tmp_path):
    flow = Workflow(tmp_path)
    flow.configure(SMALL | {"grid": [{"tasks": ["gtzan"], "methods": ["dart"], "ratios": [0.1, 0.2, 0.3]}]})
    flow.run("-n", "grid")
    given_to = [json.loads(path.read_text()) for path in (flow.folder / given.SETTINGS).glob("*.json")]
    cells = [each for each in given_to if isinstance(each, dict) and {"method", "run"} <= each.keys()]
    commands = re.findall(r"answer\.py.*\n.*\n.*", flow.run("-n", "-p", "grid").stdout)
    # One whose command is put together, perhaps another one that its rule's environment is read from.
    assert 1 <= len(cells) <= 2 < len(commands) and all("--grid alone" in command for command in commands)
