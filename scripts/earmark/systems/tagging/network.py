"""The network of a student: the Audio Spectrogram Transformer of transformers, in config's sizes and strides.

Its input is [batch, frames, 128 mel bins]; a 16 x 16 patch every ``strides`` (mel bins, frames) becomes a
token, and before them come CLS and DIST, the mean of which is classified.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import ASTConfig, ASTForAudioClassification
from transformers.utils import logging

from earmark.core.errors import UserError
from earmark.core.seeding import generator
from earmark.models.described import check_weights
from earmark.models.untrusted import refuse_own_code
from earmark.models.weight_files import INDEX, SINGLE
from earmark.systems.tagging.architecture import Shape

MEL_BINS, PATCH = 128, 16
_SPREAD, _BASE_WIDTH = 0.02, 768
"""Deviation of what starts as random numbers, in timm's DeiT of that width. It falls with the root of the
width: narrow students started with the same small numbers learn next to nothing for hundreds of steps."""

_PROBLEM = {
    "multi_label": "multi_label_classification",
    "single_label": "single_label_classification",
}


def configure(
    student: Shape, classes: int | Sequence[str], frames: int, kind: str = "multi_label"
) -> ASTConfig:
    """Return the model's configuration.

    Args:
        student: its sizes and strides.
        classes: their names in order, or just how many.
        frames: of the spectrograms.
        kind: of the task, ``multi_label`` or ``single_label``.

    Raises:
        UserError: the width can't be divided among the heads.

    """
    sizes = student.sizes
    if sizes.hidden % sizes.heads:
        raise UserError(f"student: sizes.hidden {sizes.hidden} is no multiple of sizes.heads {sizes.heads}")
    names = [f"class {number}" for number in range(classes)] if isinstance(classes, int) else classes
    return ASTConfig(
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.mlp,
        frequency_stride=student.strides[0],
        time_stride=student.strides[1],
        max_length=frames,
        num_mel_bins=MEL_BINS,
        patch_size=PATCH,
        initializer_range=_SPREAD * (_BASE_WIDTH / sizes.hidden) ** 0.5,
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        problem_type=_PROBLEM[kind],
    )


def grid(config: ASTConfig) -> tuple[int, int]:
    """Return the number of patches along the mel bins and along the frames."""
    return (
        (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1,
        (config.max_length - config.patch_size) // config.time_stride + 1,
    )


def tokens(config: ASTConfig) -> int:
    """Return the number of tokens: patches, CLS and DIST."""
    rows, columns = grid(config)
    return rows * columns + 2


def randomly(config: ASTConfig, seed: int = 0) -> ASTForAudioClassification:
    """Return a student with random weights, a function of ``seed`` alone.

    CLS, DIST and the positions start as random numbers too: transformers leaves them 0, where CLS and DIST
    would stay one and the same for ever.
    """
    # Drawn whatever the global generator's state is, and without changing it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator(seed, "student").integers(2**63)))
        model = ASTForAudioClassification(config)
        embeddings = model.audio_spectrogram_transformer.embeddings
        for parameter in (
            embeddings.cls_token,
            embeddings.distillation_token,
            embeddings.position_embeddings,
        ):
            nn.init.normal_(parameter, std=config.initializer_range)
    return model


def read(kind: Any, folder: Path, what: str, **options: Any) -> tuple[Any, set[str]]:
    """Return a model of a class of transformers and the names of the tensors it has no place for.

    Raises:
        UserError: a file is missing or damaged, or a tensor is missing or of another shape.

    """
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} has no config.json: not a checkpoint folder")
    if not any((folder / name).is_file() for name in (SINGLE, INDEX)):
        raise UserError(f"{folder} holds neither {SINGLE} nor {INDEX}: only safetensors weights are read")
    refuse_own_code(folder)
    try:
        check_weights(kind, folder, **options)
        with quietly():
            model, found = kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are named below
                dtype=torch.float32,
                **options,
            )
    except UserError:
        raise
    except Exception as error:  # damage has as many names as transformers has ways to read
        raise UserError(f"{folder}: the {what} can't be read ({_first_line(error)})") from None
    if found["mismatched_keys"]:
        name, stored, wanted = min(found["mismatched_keys"])
        raise UserError(
            f"{folder}: '{name}' of the {what} is {tuple(stored)}, config.json says {tuple(wanted)}"
        )
    if found["missing_keys"]:
        lacking = min(found["missing_keys"])
        raise UserError(f"{folder}: the {what} lacks '{lacking}'; is it complete, and of this kind?")
    return model, set(found["unexpected_keys"])


def none_left(left: set[str], folder: Path, what: str) -> None:
    """Check that a model had a place for every tensor of its checkpoint; UserError."""
    if left:
        raise UserError(f"{folder}: the {what} has an unknown tensor '{min(left)}'")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


@contextmanager
def quietly() -> Iterator[None]:
    """Have transformers report nothing: what it says of a load is checked, not printed."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
