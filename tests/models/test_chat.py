"""Chat templates of published checkpoints: found wherever they lie, refused where audio has no place."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest

from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint

TEXT_ALONE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
FAILS_ON_LISTS = "{% for m in messages %}{{ m['content'].strip() + 1 }}{% endfor %}"


def decoder(checkpoint: Checkpoint, folder: Path, kind: str, **files: str | None):
    """The family's decoder of a copy of a checkpoint whose template lies elsewhere."""
    copy = folder / "copy"
    shutil.copytree(checkpoint.folder, copy)
    template = (copy / "chat_template.jinja").read_text()
    (copy / "chat_template.jinja").unlink()
    if "json" in files:
        (copy / "chat_template.json").write_text(files["json"] or json.dumps({"chat_template": template}))
    config = json.loads((copy / "tokenizer_config.json").read_text())
    if "tokenizer" in files:
        config["chat_template"] = files["tokenizer"] or template
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    family = importlib.import_module(f"earmark.models.{kind}")
    return family.Decoder(Checkpoint(copy, {}), "cpu", "float32", "sdpa", layers=0, head=False)


@pytest.mark.parametrize(
    "files",
    [
        {"json": None},
        {"tokenizer": None},
        {"json": None, "tokenizer": TEXT_ALONE},
        {"json": json.dumps({"chat_template": TEXT_ALONE}), "tokenizer": None},
        {"json": json.dumps({"chat_template": FAILS_ON_LISTS}), "tokenizer": None},
    ],
    ids=str,
)
def test_the_template_with_a_place_for_audio_is_found_in_either_file(checkpoint, tmp_path, files):
    family = importlib.import_module("earmark.models.omni")
    plain = family.Decoder(checkpoint, "cpu", "float32", "sdpa", layers=0, head=False)
    moved = decoder(checkpoint, tmp_path, "omni", **files)
    for system in (None, "Be brief."):
        assert moved.prompt_ids("What is heard?", system, 7) == plain.prompt_ids("What is heard?", system, 7)


@pytest.mark.parametrize("files", [{}, {"tokenizer": TEXT_ALONE}], ids=str)
def test_omni_without_one_is_refused_with_the_fix(checkpoint, tmp_path, files):
    with pytest.raises(UserError, match="no place for audio; put the chat_template.json"):
        decoder(checkpoint, tmp_path, "omni", **files).prompt_ids("What is heard?", None, 7)


@pytest.mark.parametrize("files", [{}, {"tokenizer": TEXT_ALONE}], ids=str)
def test_qwen2_audio_without_one_takes_that_of_transformers(qwen2_audio, tmp_path, files):
    model = decoder(qwen2_audio, tmp_path, "qwen2_audio", **files)
    ids = model.prompt_ids("What is heard?", None, 7)
    assert ids.count(model.audio_id) == 7
    text = model.tokenizer.decode([i for i in ids if i != model.audio_id])
    assert "<|audio_bos|><|audio_eos|>\nWhat is heard?<|im_end|>\n<|im_start|>assistant\n" in text


def test_a_damaged_template_file_is_named(checkpoint, tmp_path):
    with pytest.raises(UserError, match="chat_template.json holds no chat template"):
        decoder(checkpoint, tmp_path, "omni", json="[]").prompt_ids("What is heard?", None, 7)
