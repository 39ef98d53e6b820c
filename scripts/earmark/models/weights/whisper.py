"""Whisper in CTranslate2's layout, turned into the folder that transformers saves; every tensor mapped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.models.weights.ctranslate2 import Binary, read

BINARY = "model.bin"
FILES = [BINARY, "model.safetensors", "model-*.safetensors"]
"""What a repository of the hub may keep a Whisper's weights in; the same in other frameworks stays there."""
SPEC = "WhisperSpec"
SETTINGS = (
    *("activation", "alibi", "alibi_use_positive_positions", "alignment_heads", "alignment_layer"),
    *("layernorm_embedding", "num_heads", "pre_norm", "scale_alibi", "scale_embeddings"),
    *("sliding_window", "start_from_zero_embedding", "multi_query_attention"),
)
"""Numbers that say how CTranslate2 computes, not weights: all Whisper models are alike there."""
MULTILINGUAL = 51865
"""Size of the vocabulary from which on a model knows languages; English ones are one smaller."""


def is_binary(folder: Path) -> bool:
    """Whether a folder holds a model in CTranslate2's layout."""
    return (folder / BINARY).is_file()


def convert(source: Path, folder: Path) -> None:
    """Write the Whisper model of ``source`` into ``folder`` as transformers would; precision stays.

    Raises:
        UserError: the file is torn or quantised, is no Whisper model, or has other tensors.
    """
    path = source / BINARY
    binary = read(path)
    if binary.spec != SPEC:
        raise UserError(f"{path} holds a {binary.spec}, not Whisper; name an encoder that is one")
    config, tensors = config_of(binary, path), state_dict(binary, path)
    with torch.device("meta"):
        expected = WhisperForConditionalGeneration(config).state_dict()
    if wrong := sorted(expected.keys() ^ tensors.keys()):
        side = "lacks" if wrong[0] in expected else "has an unknown tensor"
        raise UserError(f"{path}: the Whisper model {side} '{wrong[0]}'")
    folder.mkdir(parents=True, exist_ok=True)
    if (source / "tokenizer.json").is_file():
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    config.architectures = ["WhisperForConditionalGeneration"]
    config.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=config.num_mel_bins).save_pretrained(folder)
    del tensors["proj_out.weight"]  # the same as the decoder's embeddings
    with replacing(folder / "model.safetensors") as partial:
        save_file(tensors, partial, {"format": "pt"})
        partial.chmod(0o644)


def config_of(binary: Binary, path: Path) -> WhisperConfig:
    """Return the config that the arrays' shapes tell; UserError where one that is needed is missing."""
    arrays = binary.arrays
    try:
        sizes = {
            side: {
                "layers": sum(n.startswith(side) and n.endswith("/ffn/linear_0/weight") for n in arrays),
                "heads": int(arrays[f"{side}/num_heads"]),
                "ffn": arrays[f"{side}/layer_0/ffn/linear_0/weight"].shape[0],
                "positions": arrays[f"{side}/position_encodings/encodings"].shape[0],
            }
            for side in ("encoder", "decoder")
        }
        width, bands = arrays["encoder/conv1/weight"].shape[:2]
        vocabulary = arrays["decoder/embeddings/weight"].shape[0]
    except KeyError as error:
        raise UserError(f"{path}: the Whisper model lacks {error}") from None
    first = 50257 if vocabulary >= MULTILINGUAL else min(50256, vocabulary - 2)
    return WhisperConfig(
        vocab_size=vocabulary,
        num_mel_bins=bands,
        d_model=width,
        encoder_layers=sizes["encoder"]["layers"],
        encoder_attention_heads=sizes["encoder"]["heads"],
        encoder_ffn_dim=sizes["encoder"]["ffn"],
        max_source_positions=sizes["encoder"]["positions"],
        decoder_layers=sizes["decoder"]["layers"],
        decoder_attention_heads=sizes["decoder"]["heads"],
        decoder_ffn_dim=sizes["decoder"]["ffn"],
        max_target_positions=sizes["decoder"]["positions"],
        bos_token_id=first,
        eos_token_id=first,
        pad_token_id=first,
        decoder_start_token_id=first + 1,
        dtype=str(arrays["encoder/conv1/weight"].dtype),
    )


def state_dict(binary: Binary, path: Path) -> dict[str, Tensor]:
    """Return the tensors under transformers' names; UserError for a quantised model."""
    found = {}
    for name, array in binary.arrays.items():
        side, _, rest = name.partition("/")
        if rest.removesuffix("/num_heads") in SETTINGS or rest.rpartition("/")[2] in SETTINGS:
            continue
        if array.dtype not in (np.float32, np.float16):
            raise UserError(
                f"{path}: '{name}' is quantised ({array.dtype}); convert the model again with "
                "--quantization float16"
            )
        for new, value in _renamed(side, rest, array):
            found[new] = torch.from_numpy(value.copy())
    return found


def _renamed(side: str, rest: str, array: NDArray[np.generic]) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Yield transformers' name and values of one array; several where projections are stacked."""
    words = rest.split("/")
    if side == "decoder" and words == ["projection", "weight"]:
        yield "proj_out.weight", array
        return
    end = {"gamma": "weight", "beta": "bias", "encodings": "weight"}.get(words[-1], words[-1])
    if not words[0].startswith("layer_") or words[0] == "layer_norm":
        inner = {"embeddings": "embed_tokens", "position_encodings": "embed_positions"}.get(
            words[0], words[0]
        )
        yield f"model.{side}.{inner}.{end}", array
        return
    prefix = f"model.{side}.layers.{words[0].removeprefix('layer_')}."
    block, part = words[1], words[2]
    if block == "ffn":
        inner = {"layer_norm": "final_layer_norm", "linear_0": "fc1", "linear_1": "fc2"}.get(part, part)
        yield f"{prefix}{inner}.{end}", array
        return
    attention = "self_attn" if block == "self_attention" else "encoder_attn"
    if part == "layer_norm":
        yield f"{prefix}{attention}_layer_norm.{end}", array
        return
    # Queries, keys and values stand in one array, or in two where keys and values are of the audio.
    stacked = {
        ("self_attention", "linear_0"): ("q_proj", "k_proj", "v_proj"),
        ("attention", "linear_0"): ("q_proj",),
        ("attention", "linear_1"): ("k_proj", "v_proj"),
    }.get((block, part), ("out_proj",))
    for projection, values in zip(stacked, np.split(array, len(stacked)), strict=True):
        # Keys have no bias in Whisper; CTranslate2 writes zeros for them.
        if projection == "k_proj" and end == "bias" and not values.any():
            continue
        yield f"{prefix}{attention}.{projection}.{end}", values
