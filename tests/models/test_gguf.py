"""GGUF files become folders whose decoder answers as transformers' direct load does."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from earmark.core.errors import UserError
from earmark.models.weights import gguf_file as files

WIDTH, LAYERS, HEADS, FFN = 32, 2, 2, 48
TOKENS = ["<unk>", "<s>", "</s>", *"abcdefgh", "ab", "Ġ", "Ġa"]


def write(path: Path, architecture: str = "llama") -> None:
    """Write a small decoder with random weights, half of its matrices in eight bits."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3, *[1] * (len(TOKENS) - 3)])
    writer.add_token_merges(["a b", "Ġ a"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {"token_embd.weight": (len(TOKENS), WIDTH), "output_norm.weight": (WIDTH,)}
    for i in range(LAYERS):
        shapes |= {
            f"blk.{i}.{name}.weight": (WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        }
        shapes |= {f"blk.{i}.ffn_{name}.weight": (FFN, WIDTH) for name in ("gate", "up")}
        shapes |= {f"blk.{i}.ffn_down.weight": (WIDTH, FFN)}
        shapes |= {f"blk.{i}.{name}.weight": (WIDTH,) for name in ("attn_norm", "ffn_norm")}
    for name, shape in shapes.items():
        values = rng.normal(0, 0.2, shape).astype(np.float32)
        if "ffn_gate" in name or "ffn_up" in name:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.inference_mode()
def test_logits_equal_those_of_transformers_own_load(tmp_path):
    write(tmp_path / "tiny.gguf")
    direct = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", dtype=torch.float32)
    files.convert(tmp_path / "tiny.gguf", tmp_path / "out")
    made = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(tmp_path / "out")("abc gh", return_tensors="pt").input_ids
    assert torch.equal(
        ids,
        AutoTokenizer.from_pretrained(tmp_path, gguf_file="tiny.gguf")(
            "abc gh", return_tensors="pt"
        ).input_ids,
    )
    assert torch.equal(made(ids).logits, direct(ids).logits)


def test_an_unknown_architecture_is_named(tmp_path):
    write(tmp_path / "odd.gguf", "xlstm")
    with pytest.raises(UserError, match="odd.gguf: no language model that transformers reads .*xlstm"):
        files.convert(tmp_path / "odd.gguf", tmp_path / "out")


def test_a_torn_file_ends_in_one_line(tmp_path):
    write(tmp_path / "torn.gguf")
    whole = (tmp_path / "torn.gguf").read_bytes()
    for length in (3, 100, len(whole) // 2):
        (tmp_path / "torn.gguf").write_bytes(whole[:length])
        with pytest.raises(UserError, match="torn.gguf: no language model") as raised:
            files.convert(tmp_path / "torn.gguf", tmp_path / "out")
        assert "\n" not in str(raised.value)


def test_of_several_files_one_must_be_named(tmp_path):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="several GGUF files; set gguf to one of a.gguf, b.gguf"):
        files.file_in(tmp_path, None)
    with pytest.raises(UserError, match="has no file 'c.gguf'"):
        files.file_in(tmp_path, "c.gguf")
    assert files.file_in(tmp_path, "b.gguf") == tmp_path / "b.gguf"
