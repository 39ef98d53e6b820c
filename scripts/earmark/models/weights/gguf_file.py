"""GGUF files as checkpoints: read by transformers, written as a folder that everything else reads.

The quantised weights are expanded to float32 once. What transformers knows of the architecture (Llama,
Qwen2 and Qwen3, Phi-3, Gemma and others) decides which files can be read.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.models.untrusted import refuse_own_code

SUFFIX = ".gguf"


def convert(path: Path, folder: Path) -> None:
    """Write the decoder and the tokenizer of a GGUF file into ``folder``.

    Raises:
        UserError: the file is damaged, or of an architecture that transformers doesn't read.
    """
    model, tokenizer = read(path)
    # A config that says how the file was quantised would have the float32 weights refused.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.architectures = [type(model).__name__]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.config.save_pretrained(folder)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        tensors.pop("lm_head.weight", None)
    with replacing(folder / "model.safetensors") as partial:
        save_file(tensors, partial, {"format": "pt"})
        partial.chmod(0o644)


def read(path: Path) -> tuple[Any, Any]:
    """Return model (float32, in memory) and tokenizer of a GGUF file; UserError as :func:`convert`."""
    if not path.is_file():
        raise UserError(f"there is no GGUF file {path}")
    place: dict[str, Any] = {"gguf_file": path.name, "local_files_only": True}
    refuse_own_code(path.parent)
    try:
        tokenizer = AutoTokenizer.from_pretrained(path.parent, trust_remote_code=False, **place)
        model = AutoModelForCausalLM.from_pretrained(
            path.parent, dtype=torch.float32, trust_remote_code=False, **place
        )
    except (ValueError, KeyError, OSError, IndexError, TypeError, RuntimeError, struct.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: no language model that transformers reads ({reason[:200]}); fetch it again, or take "
            "the model's safetensors"
        ) from None
    return model, tokenizer


def file_in(folder: Path, name: str | None) -> Path | None:
    """Return the GGUF file of a folder: the one named, or the only one; None if there is none.

    Raises:
        UserError: there are several, or not the one named.
    """
    found = sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
    if name is None and len(found) > 1:
        raise UserError(f"{folder} holds several GGUF files; set gguf to one of {', '.join(found)}")
    if name is not None and name not in found:
        raise UserError(f"gguf: {folder} has no file '{name}'; it holds {', '.join(found) or 'no GGUF file'}")
    return folder / (name or found[0]) if found else None
