"""Nobody's file decides how long we work: aliases, keys, patterns, templates, numbers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import warm
from made import completed, tone
from workflow import SMALL, Workflow

from earmark.config.settings import Settings
from earmark.config.yaml_files import read_yaml
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.data.sources import folder
from earmark.models import chat

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "stands for more than 200000 values"),
        ("choices: &a [*a]", "line 1: an alias that stands for what it is part of"),
        ("a: &a {b: *a}", "an alias that stands for what it is part of"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' stands twice"),
        ("x: {a: 1, a: 1}", "'a' stands twice"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply|is not YAML"),
        ("a: !!python/object/apply:os.system [id]", "is not YAML"),
        ("a: [", "is not YAML"),
    ],
)
def test_yaml_that_swells_or_says_a_thing_twice_is_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as told:
        read_yaml(path)
    assert "\n" not in str(told.value)


def test_aliases_of_honest_files_are_followed(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("base: &base {a: 1}\nmore: {<<: *base, b: 2}\n")
    assert read_yaml(path) == {"base": {"a": 1}, "more": {"a": 1, "b": 2}}


def test_a_config_file_that_says_a_thing_twice_is_refused_by_the_workflow(tmp_path):
    flow = Workflow(tmp_path)
    with (flow.folder / "small.yaml").open("a") as stream:
        stream.write("\nseed: 1\nseed: 2\n")
    done = flow.run("-n", "all", check=False)
    assert done.returncode and "stands twice; remove one" in done.stdout


def test_a_billion_shards_are_refused():
    source = {"kind": "folder", "root": "/x"}
    task = {"title": "x", "data": {"source": source, "shards": {"test": 1_000_000_000}}}
    with pytest.raises(UserError, match="shards.test.*greater than the maximum of 100000"):
        Settings.load({**SMALL, "tasks": {"sounds": task}}, ROOT)


def test_a_pattern_that_blows_up_elsewhere_takes_no_time(tmp_path):
    """In a process of its own: what hangs in a regular expression can't be stopped from within."""
    for side in "ab":
        for number in range(2):
            path = tmp_path / side / f"{'a' * 40}{number}!.wav"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(tone(0.2, 200 + 50 * number + (25 if side == "a" else 0)))
    settings = {"kind": "folder", "root": str(tmp_path), "table": None, "group_pattern": "^(a+)+$"}
    program = (
        "import json, sys; from pathlib import Path; from earmark.config import source as sources\n"
        "from earmark.data.sources import folder\n"
        "list(folder.collect(sources.read(json.loads(sys.argv[1]), 'data.source'), Path('.'), 0, 1))"
    )
    done = subprocess.run(
        [warm.python(), "-c", program, json.dumps(settings)],
        capture_output=True,
        text=True,
        timeout=600,
        env={"PYTHONPATH": str(ROOT / "scripts")},
        check=False,
    )
    assert "UserError: data.source.group_pattern: '^(a+)+$' does not match the file name" in done.stderr
    with pytest.raises(UserError, match="no regular expression of RE2"):
        list(folder.collect(completed(**settings | {"group_pattern": "(?=a)b"}), tmp_path, 0, 1))


@pytest.mark.parametrize(
    "template", ["{question:>2000000000}", "{question!r:>9}", "{question:{options}}", "{options!s}"]
)
def test_a_prompt_s_fields_take_no_format(template):
    task = {"prompt": {"template": template + "{options}"}}
    with pytest.raises(UserError, match="prompt.template: fields take no format"):
        Settings.load({**SMALL, "tasks": {"gtzan": task}}, ROOT)


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 10 ** 11 }}",
        "{{ 'a' * 10 ** 6 }}",
        "{{ 1 / 0 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'a'|center(10 ** 11) }}",
    ],
    ids=["loop", "huge", "long", "zero", "endless", "padded"],
)
def test_a_chat_template_that_does_not_end_is_refused(tmp_path, monkeypatch, template):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    monkeypatch.setattr(chat, "SECONDS", 0.5)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    tokenizer.chat_template = template
    with pytest.raises(UserError, match="its chat template (can't be followed|makes)"):
        chat.template_of(tokenizer, Path(tmp_path), 0, None)
