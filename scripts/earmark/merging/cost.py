"""Multiply-accumulates of an AST forward, with or without merging: the line that speed is held against."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import ASTConfig

from earmark.merging.schedule import PROTECTED, clamp


def macs(config: ASTConfig, r: Sequence[int], tokens: int) -> int:
    """Return the multiply-accumulates of one clip (specification 1.4).

    Attention runs on what comes into a layer, the MLP on what leaves it; norms, activations and the
    matching itself are left out.

    Args:
        config: of the model.
        r: tokens to merge in each layer; clamped as the model does.
        tokens: patches and the two special tokens.

    """
    width, counts = config.hidden_size, clamp(r, tokens, PROTECTED).tokens
    patches = (tokens - PROTECTED) * config.patch_size**2 * width
    layers = sum(
        4 * before * width**2 + 2 * before**2 * width + 2 * after * width * config.intermediate_size
        for before, after in zip(counts, counts[1:], strict=False)
    )
    return int(patches + layers + width * config.num_labels)
