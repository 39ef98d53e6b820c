"""What config.json says of a model's sizes: plain numbers, and no more weights than the files hold.

A class of transformers takes the memory that the config asks for, whatever the files have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.untrusted import read_json
from earmark.models.weight_files import needed_files, read_header

LARGEST = 1 << 24
"""No width, vocabulary or window of a model is larger: 16.8 million."""
DEEPEST = 1000
LAYERS = ("encoder_layers", "num_hidden_layers")
SIZES = (
    *LAYERS,
    "d_model",
    "encoder_attention_heads",
    "encoder_ffn_dim",
    "frequency_stride",
    "head_dim",
    "hidden_size",
    "intermediate_size",
    "max_source_positions",
    "n_window",
    "num_attention_heads",
    "num_channels",
    "num_key_value_heads",
    "num_mel_bins",
    "output_dim",
    "time_stride",
    "vocab_size",
)
"""What modules are built by, wherever in config.json it stands."""
MORE, ROOM = 4, 100_000_000
"""So many times the weights that are stored, and so many on top, may be described: tables of positions that
are computed, a head that is new."""


def check_sizes(content: Any, place: str = "") -> None:
    """Check that what modules are built by are plain numbers of a model's size; ValueError names the key."""
    if isinstance(content, list):
        for value in content:
            check_sizes(value, place)
    if not isinstance(content, dict):
        return
    for key, value in content.items():
        most = DEEPEST if key in LAYERS else LARGEST
        if key in SIZES and value is not None and not (type(value) is int and 1 <= value <= most):
            raise ValueError(f"{place}{key} is {str(value)[:40]}, not a whole number from 1 to {most}")
        check_sizes(value, f"{place}{key}.")


def read_plain(folder: Path) -> Json:
    """Return a folder's config.json, its sizes checked.

    Raises:
        UserError: there is none, it is damaged, or states sizes of no model.

    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder} has no config.json: not a checkpoint folder")
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} is missing or damaged (not an object); fetch it again")
    try:
        check_sizes(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no model's config ({error}); fetch it again") from None
    return content


def check_weights(kind: Any, folder: Path, **options: Any) -> None:
    """Check that a class of transformers would not take memory for weights that the files don't hold.

    ``options`` of the class go with the config that it is made of.

    Raises:
        UserError: config.json describes many times what is stored; or see :func:`read_plain`.
        Exception: whatever transformers raises about a config it can't use.

    """
    read_plain(folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    build = getattr(kind, "from_config", kind)
    with torch.device("meta"):
        described = sum(weight.numel() for weight in build(config, **options).parameters())
    stored = sum(
        place.numbers for file in needed_files(folder, ()) for place in read_header(folder / file).values()
    )
    if described > MORE * stored + ROOM:
        raise UserError(
            f"{folder}: config.json describes {described:,} weights, the files hold {stored:,}; they are of "
            "different models: fetch both again"
        )
