"""Whisper in CTranslate2's layout becomes the folder that transformers saves, bit for bit."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration

from earmark.core.errors import UserError
from earmark.models.weights import ctranslate2, whisper

TYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}


@pytest.fixture(scope="module")
def model() -> WhisperForConditionalGeneration:
    """A small Whisper with random weights."""
    torch.manual_seed(0)
    sizes = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in
             (("layers", 2), ("attention_heads", 2), ("ffn_dim", 24))}  # fmt: skip
    config = WhisperConfig(
        vocab_size=60, num_mel_bins=80, d_model=16, max_source_positions=1500, max_target_positions=30,
        bos_token_id=1, eos_token_id=1, pad_token_id=1, decoder_start_token_id=2, **sizes,
    )  # fmt: skip
    return WhisperForConditionalGeneration(config).eval()


def arrays(model: WhisperForConditionalGeneration) -> dict[str, np.ndarray]:
    """The model as CTranslate2's converter lays it out, projections of a kind in one array."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    found: dict[str, np.ndarray] = {}
    for side in ("encoder", "decoder"):
        at = f"model.{side}."
        found[f"{side}/num_heads"] = np.array(2, np.int16)
        found[f"{side}/position_encodings/encodings"] = state[f"{at}embed_positions.weight"]
        norms = {f"{side}/layer_norm": f"{at}layer_norm"}
        for i in range(2):
            new, old = f"{side}/layer_{i}", f"{at}layers.{i}."
            norms |= {f"{new}/self_attention/layer_norm": f"{old}self_attn_layer_norm",
                      f"{new}/ffn/layer_norm": f"{old}final_layer_norm"}  # fmt: skip
            stacks = {"self_attention": ("self_attn", [["q", "k", "v"], ["out"]])}
            if side == "decoder":
                norms[f"{new}/attention/layer_norm"] = f"{old}encoder_attn_layer_norm"
                stacks["attention"] = ("encoder_attn", [["q"], ["k", "v"], ["out"]])
            for name, (block, groups) in stacks.items():
                for number, group in enumerate(groups):
                    weights = [state[f"{old}{block}.{p}_proj.weight"] for p in group]
                    biases = [
                        state.get(f"{old}{block}.{p}_proj.bias", np.zeros(16, np.float32)) for p in group
                    ]
                    found[f"{new}/{name}/linear_{number}/weight"] = np.concatenate(weights)
                    found[f"{new}/{name}/linear_{number}/bias"] = np.concatenate(biases)
            for number in (0, 1):
                for end in ("weight", "bias"):
                    found[f"{new}/ffn/linear_{number}/{end}"] = state[f"{old}fc{number + 1}.{end}"]
        for new, old in norms.items():
            found[f"{new}/gamma"], found[f"{new}/beta"] = state[f"{old}.weight"], state[f"{old}.bias"]
    for conv in ("conv1", "conv2"):
        for end in ("weight", "bias"):
            found[f"encoder/{conv}/{end}"] = state[f"model.encoder.{conv}.{end}"]
    found["decoder/embeddings/weight"] = state["model.decoder.embed_tokens.weight"]
    return found


def write(path: Path, content: dict[str, np.ndarray], spec: str = "WhisperSpec", version: int = 6) -> None:
    """Write the published format, as its converter does."""

    def text(word: str) -> bytes:
        return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

    body = struct.pack("<I", version) + text(spec) + struct.pack("<II", 3, len(content))
    for name, array in content.items():
        body += text(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        body += struct.pack("<BI", TYPES[array.dtype.name], array.nbytes) + array.tobytes()
    body += struct.pack("<I", 1) + text("decoder/projection/weight") + text("decoder/embeddings/weight")
    path.write_bytes(body)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_import_equals_the_transformers_model_bit_for_bit(model, tmp_path, dtype):
    content = {n: a.astype(dtype) if a.dtype == np.float32 else a for n, a in arrays(model).items()}
    write(tmp_path / "model.bin", content)
    whisper.convert(tmp_path, tmp_path / "out")
    loaded = WhisperForConditionalGeneration.from_pretrained(
        tmp_path / "out", dtype=torch.float32
    ).state_dict()
    assert loaded.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded[name], value.to(getattr(torch, np.dtype(dtype).name)).float()), name


def test_a_file_cut_anywhere_is_torn_and_named(model, tmp_path):
    path = tmp_path / "model.bin"
    write(path, arrays(model))
    whole = path.read_bytes()
    for length in (2, 10, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="is torn.*fetch it again"):
            ctranslate2.read(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spec": "TransformerSpec"}, "not Whisper"),
        ({"version": 3}, "version 3 of CTranslate2's format"),
        ({"version": 9}, "version 9"),
    ],
)
def test_other_layouts_and_versions_are_named(model, tmp_path, change, said):
    write(tmp_path / "model.bin", arrays(model), **change)
    with pytest.raises(UserError, match=said):
        whisper.convert(tmp_path, tmp_path / "out")


def test_a_missing_an_unknown_and_a_quantised_tensor_are_each_named(model, tmp_path):
    whole = arrays(model)
    name = "encoder/layer_1/ffn/linear_0/bias"
    for content, said in (
        ({k: v for k, v in whole.items() if k != name}, r"lacks 'model.encoder.layers.1.fc1.bias'"),
        (whole | {"encoder/extra/weight": whole[name]}, "unknown tensor 'model.encoder.extra.weight'"),
        (whole | {name: whole[name].astype(np.int8)}, "is quantised"),
    ):
        write(tmp_path / "model.bin", content)
        with pytest.raises(UserError, match=said):
            whisper.convert(tmp_path, tmp_path / "out")
