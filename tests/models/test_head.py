"""The output head is stock transformers' own, whatever config.json leaves out."""

from __future__ import annotations

import itertools
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5OmniThinkerForConditionalGeneration, Qwen2AudioForConditionalGeneration

from earmark.core.errors import UserError
from earmark.models import families
from earmark.models.checkpoint import Checkpoint
from earmark.models.families import family

STOCK = {
    "omni": Qwen2_5OmniThinkerForConditionalGeneration,
    "qwen2_audio": Qwen2AudioForConditionalGeneration,
}
KEY = "tie_word_embeddings"
FLAGS = (None, True, False)


@pytest.fixture
def copied(request, tmp_path, checkpoint, qwen2_audio):
    """Make a copy of a family's small checkpoint with flags and head as asked."""

    def make(kind, whole, text, stored=True):
        source = {"omni": checkpoint, "qwen2_audio": qwen2_audio}[kind].folder
        folder = tmp_path / kind
        shutil.copytree(source, folder, dirs_exist_ok=True)
        config = json.loads((folder / "config.json").read_text())
        for section, flag in ((config, whole), (config["text_config"], text)):
            section.pop(KEY, None)
            if flag is not None:
                section[KEY] = flag
        (folder / "config.json").write_text(json.dumps(config))
        tensors = load_file(source / "model.safetensors")
        if not stored:
            tensors = {key: value for key, value in tensors.items() if "lm_head" not in key}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return Checkpoint(folder, {})

    return make


def stock_head(kind, folder):
    return STOCK[kind].from_pretrained(folder).lm_head.weight


def decoder(kind, checkpoint):
    return family(kind).decoder(checkpoint, "cpu", "float32", "sdpa")


def test_every_family_is_compared_with_stock():
    assert set(STOCK) <= set(families.names())


@pytest.mark.parametrize(("whole", "text"), list(itertools.product(FLAGS, FLAGS)))
@pytest.mark.parametrize("kind", sorted(STOCK))
def test_a_stored_head_is_the_head_as_in_stock(copied, kind, whole, text):
    checkpoint = copied(kind, whole, text)
    ours = decoder(kind, checkpoint)
    assert torch.equal(ours.head.weight, stock_head(kind, checkpoint.folder))
    assert not torch.equal(ours.head.weight, ours.model.embed_tokens.weight)


@pytest.mark.parametrize("text", FLAGS)
def test_without_a_stored_head_the_whole_models_flag_ties_it_as_in_stock(copied, text):
    checkpoint = copied("omni", True, text, stored=False)
    ours = decoder("omni", checkpoint)
    assert torch.equal(ours.head.weight, stock_head("omni", checkpoint.folder))
    assert ours.head.weight is ours.model.embed_tokens.weight


@pytest.mark.parametrize("text", FLAGS)
@pytest.mark.parametrize("kind", sorted(STOCK))
def test_without_a_stored_head_and_untied_nothing_is_made_up(copied, kind, text):
    checkpoint = copied(kind, False, text, stored=False)
    with pytest.raises(UserError, match="no output head .* is stored, and config.json does not tie it"):
        decoder(kind, checkpoint)


def test_a_stored_head_equal_to_the_embeddings_shares_their_memory_where_it_may(copied):
    checkpoint = copied("omni", True, None)
    path = checkpoint.folder / "model.safetensors"
    tensors = load_file(path)
    (table,) = (value for key, value in tensors.items() if key.endswith("embed_tokens.weight"))
    save_file({k: table.clone() if "lm_head" in k else v for k, v in tensors.items()}, path)
    ours = decoder("omni", checkpoint)
    assert ours.head.weight is ours.model.embed_tokens.weight
