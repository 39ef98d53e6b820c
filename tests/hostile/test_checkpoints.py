"""Code that comes with a checkpoint never runs, and what its files name is only ever a file of its own."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
import warm

from earmark.core.errors import UserError
from earmark.core.places import ROOT, SCRIPTS
from earmark.models.checkpoint import list_files
from earmark.models.untrusted import read_json, read_part, weight_map
from earmark.models.weight_files import files_by_tensor

EVIL = "from pathlib import Path\nPath('PWNED').write_text('x')\nclass T:\n    pass\n"


def _folder(folder: Path, file: str = "tokenizer_config.json") -> Path:
    """A checkpoint that wants its own classes, as a prompt on the terminal once allowed."""
    (folder / "config.json").write_text(json.dumps({"model_type": "zz"}))
    asked = {"tokenizer_class": "Zz", "auto_map": {"AutoTokenizer": ["evil.T", "evil.T"]}}
    (folder / file).write_text(json.dumps({"model_type": "zz"} | asked))
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "evil.py").write_text(EVIL)
    return folder


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "preprocessor_config.json"])
def test_a_folder_that_asks_for_code_is_refused_before_anything_is_read(tmp_path, file):
    with pytest.raises(UserError, match=r"asks for Python code of its own .* never run"):
        list_files(_folder(tmp_path, file))


def test_a_terminal_is_never_asked_whether_code_may_run(tmp_path):
    """The tokenizer alone is loaded, a yes waiting on the terminal."""
    _folder(tmp_path)
    program = (
        "from pathlib import Path; from transformers import AutoTokenizer\n"
        "from earmark.models import untrusted\n"
        "untrusted.refuse_own_code = lambda folder: None\n"
        "untrusted.read_part(AutoTokenizer, Path('.'), 'tokenizer')\n"
    )
    ours, theirs = pty.openpty()
    os.write(ours, b"y\ny\ny\n")
    done = subprocess.run(
        [warm.python(), "-c", program],
        stdin=theirs,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        timeout=600,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode and "UserError" in done.stderr, done.stderr
    assert "[y/N]" not in done.stdout + done.stderr and not (tmp_path / "PWNED").exists()


def test_every_call_that_could_load_code_forbids_it():
    calls = []
    for path in [*SCRIPTS.rglob("*.py"), *(ROOT / "bench").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".from_pretrained"):
                if ast.unparse(node.func) == "PeftModel.from_pretrained":
                    continue  # tensors of an adapter into a model that is there; it loads no code
                said = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
                calls.append((f"{path.name}:{node.lineno}", said.get("trust_remote_code")))
    assert len(calls) > 5
    assert [place for place, trusted in calls if trusted is not False] == []


@pytest.mark.parametrize(
    "name", ["*", "../x.safetensors", "a/b.safetensors", "evil.py", "[a].safetensors", 7]
)
def test_an_index_names_files_and_no_patterns(tmp_path, name):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"thinker.a": name}}))
    with pytest.raises(UserError, match="not a file of its folder"):
        weight_map(index)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": []}', "[" * 100_000, "1" * 5000, "\0"])
def test_a_damaged_index_ends_in_one_line(tmp_path, content):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(content)
    with pytest.raises(UserError, match="fetch it again"):
        weight_map(index)


def test_a_header_too_large_for_a_weight_file_ends_in_one_line(tmp_path):
    (tmp_path / "model.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    with pytest.raises(UserError, match="model.safetensors is missing or damaged"):
        files_by_tensor(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"},
                "model": {"type": "BPE", "vocab": {}, "merges": []},
            }
        ),
    ],
    ids=["empty", "deep", "pattern"],
)
def test_a_damaged_tokenizer_ends_in_one_line(tmp_path, content):
    from transformers import AutoTokenizer

    (tmp_path / "config.json").write_text('{"model_type": "qwen2"}')
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match="tokenizer can't be read|missing or damaged") as told:
        read_part(AutoTokenizer, tmp_path, "tokenizer")
    assert "\n" not in str(told.value)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match="missing or damaged"):
        read_json(tmp_path / "nowhere.json")
