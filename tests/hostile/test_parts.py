"""A checkpoint whose tokenizer, extractor, template or config asks for what no model takes ends in one line."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import ASTForAudioClassification

from earmark.core.errors import UserError
from earmark.models import panic, words
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.described import read_plain
from earmark.models.families import family
from earmark.systems.tagging import network
from earmark.systems.tagging.architecture import Shape, Sizes

PROMPT = "What is heard? " + "a" * 300 + "!"


def _changed(folder: Path, name: str, change: Callable[[dict], Any]) -> None:
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


def _splitting(pattern: str) -> Callable[[dict], Any]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return lambda c: c.update(
        pre_tokenizer={"type": "Sequence", "pretokenizers": [split, c["pre_tokenizer"]]}
    )


def _replacing(pattern: dict[str, str], content: str, times: int = 1) -> Callable[[dict], Any]:
    step = {"type": "Replace", "pattern": pattern, "content": content}
    return lambda c: c.update(normalizer={"type": "Sequence", "normalizers": [step] * times})


@pytest.fixture
def folder(checkpoint, tmp_path) -> Path:
    """A small checkpoint of the real class, to be spoilt."""
    return Path(shutil.copytree(checkpoint.folder, tmp_path / "hostile"))


def _used(folder: Path) -> None:
    """What every job does with a checkpoint: hear something, and write a prompt."""
    read = Checkpoint(folder, describe_folder(folder, {}, folder))
    encoder = family("omni").encoder(read, "cpu", "float32")
    encoder.encode([encoder.mel(np.zeros(16000, np.float32))])
    family("omni").decoder(read, "cpu", "float32", "sdpa").prompt_ids(PROMPT, None, 25)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("tokenizer.json", _splitting("(a+)+$"), "its tokenizer fails .*retry-limit"),
        ("tokenizer.json", _replacing({"Regex": ""}, "b" * 400), "its tokenizer fails"),
        ("tokenizer.json", _replacing({"String": "a"}, "a" * 20, 8), "its normalizer makes .* characters of"),
        ("tokenizer.json", _replacing({"Regex": "."}, "aA1!" * 100), "makes .* tokens of .* characters"),
        (
            "preprocessor_config.json",
            lambda c: c.update(feature_size=10**12),
            "feature_size is 1000000000000",
        ),
        ("preprocessor_config.json", lambda c: c.update(hop_length=0), "hop_length is 0"),
        ("config.json", lambda c: c["text_config"].update(hidden_act="evil"), "nothing that can be built"),
        ("config.json", lambda c: c["text_config"].update(pad_token_id=10**9), "nothing that can be built"),
        (
            "config.json",
            lambda c: c["audio_config"].update(max_source_positions=1 << 24),
            "nothing that can be built .*memory",
        ),
    ],
    ids=["regex", "panic", "growth", "tokens", "extractor", "zero", "activation", "assertion", "positions"],
)
def test_what_no_model_asks_for_is_refused(folder, name, change, message, capfd):
    _changed(folder, name, change)
    with pytest.raises(UserError, match=message) as told:
        _used(folder)
    assert "\n" not in str(told.value)
    assert "panicked" not in capfd.readouterr().err, "the line says it"


def test_what_is_written_while_nothing_panics_is_passed_on(capfd):
    with panic.unheard():
        os.write(2, b"a warning\n")
    assert capfd.readouterr().err == "a warning\n"


def test_a_template_is_bounded_for_every_prompt_and_not_for_the_first_alone(folder):
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").write_text(
        "{% if messages[0]['content'][-1]['text'] != '?' %}{{ 1 / 0 }}{% endif %}" + template
    )
    with pytest.raises(UserError, match="its chat template can't be followed .division by zero"):
        _used(folder)


def test_a_tokenizer_that_does_not_end_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(words, "SECONDS", 0.05)
    with pytest.raises(UserError, match="its tokenizer takes more than 0.05 s"):
        words.ids_of(lambda *_, **__: time.sleep(0.5), "a", tmp_path)


def test_weights_that_no_file_holds_take_no_memory(tmp_path):
    student = Shape(sizes=Sizes(hidden=32, layers=2, heads=2, mlp=32), strides=[16, 16])
    network.randomly(network.configure(student, 3, 64), 0).save_pretrained(tmp_path)
    _changed(tmp_path, "config.json", lambda c: c.update(intermediate_size=1 << 24))
    with pytest.raises(UserError, match=r"config.json describes .* weights, the files hold"):
        network.read(ASTForAudioClassification, tmp_path, "AST")


@pytest.mark.parametrize("content", ["[]", '{"hidden_size": 1e400}', '{"num_hidden_layers": -1}', "[" * 9999])
def test_the_start_of_a_student_is_no_config_of_nonsense(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match="missing or damaged|is no model's config") as told:
        read_plain(tmp_path)
    assert "\n" not in str(told.value)
