"""What the last layer of an audio encoder attends to, one number for every audio token.

With A' the attention of that layer, the maximum or the mean of its heads, and p positions in a token:

    pool(A)[i, j] = mean over the p queries of token i of the sum over the p keys of token j of A'
    received(j)   = sum over i of pool(A)[i, j], within what attends to each other: 1 on average for the mean
    diagonal(j)   = pool(A)[j, j]

Sums are not divided by the length, so tokens of a short last window count like those of a long one. Only
column sums and diagonal blocks are kept, block by block: no map of the whole length is ever held.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ATTENTION = ("received_max", "received_mean", "diagonal_max", "diagonal_mean")
KEYS = "keys"
"""Mean over heads and positions of a token's keys, [tokens, head dim]."""
LOUDNESS = "loudness"
"""Mean square of the samples behind a token, in dB of full scale."""
SCORES = (*ATTENTION, KEYS)
"""What an encoder gives beside its states."""

BLOCK = 50
"""Queries whose rows are held at once."""


@torch.no_grad()
def attention_scores(
    queries: Tensor, keys: Tensor, scale: float, pool: int, lengths: list[int] | None = None
) -> dict[str, Tensor]:
    """Return the scores of windows that were encoded together.

    Args:
        queries: [windows, heads, positions, head dim].
        keys: the same of the keys.
        scale: of the products.
        pool: positions in a token; those that fill no token are attended to, and have no score.
        lengths: positions of each window that are audio; those behind are neither asked nor attended to.

    Returns:
        By name, [windows, tokens]; of ``keys`` [windows, tokens, head dim].

    """
    windows, _, positions, _ = queries.shape
    tokens = positions // pool
    device = queries.device
    limits = None if lengths is None else torch.tensor(lengths, device=device)
    place = torch.arange(positions, device=device)
    hidden = None if limits is None else place >= limits[:, None]
    sums = {name: torch.zeros(windows, positions, device=device) for name in ("max", "mean")}
    diagonals = {name: torch.zeros(windows, tokens, device=device) for name in sums}
    step = max(pool, BLOCK // pool * pool)
    transposed = (keys * scale).transpose(-1, -2)
    for start in range(0, positions, step):
        block = queries[:, :, start : start + step] @ transposed
        if hidden is not None:
            block = block.masked_fill(hidden[:, None, None], torch.finfo(block.dtype).min)
        rows = block.float().softmax(-1)
        for name, joined in (("max", rows.amax(1)), ("mean", rows.mean(1))):
            whole = joined.shape[1] // pool * pool
            if hidden is not None:
                joined = joined.masked_fill(hidden[:, start : start + step, None], 0.0)
            sums[name] += joined.sum(1)
            first = start // pool
            for offset in range(pool):  # the p x p blocks, one diagonal of tokens after the other
                for other in range(pool):
                    own = joined[:, offset:whole:pool, start + other : start + whole : pool]
                    diagonals[name][:, first : first + whole // pool] += own.diagonal(dim1=1, dim2=2) / pool
    cut = tokens * pool
    found = {f"received_{name}": _pooled(values[:, :cut], pool) for name, values in sums.items()}
    found |= {f"diagonal_{name}": values for name, values in diagonals.items()}
    found[KEYS] = keys[:, :, :cut].mean(1).unflatten(1, (tokens, pool)).mean(2)
    return found


def scores_of(layer: Any, hidden: Tensor, pool: int, lengths: list[int] | None) -> dict[str, Tensor]:
    """Return the scores of a layer built like Whisper's, from its input [windows, positions, width]."""
    attention = layer.self_attn
    normed = layer.self_attn_layer_norm(hidden)
    queries, keys = (
        project(normed).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
        for project in (attention.q_proj, attention.k_proj)
    )
    return attention_scores(queries, keys, attention.head_dim**-0.5, pool, lengths)


def _pooled(values: Tensor, pool: int) -> Tensor:
    """Return the mean over a token's positions: of columns, p queries' mean of p keys' sum."""
    return values.unflatten(1, (-1, pool)).mean(2)


def loudness(samples: Tensor, tokens: int, per_token: int) -> Tensor:
    """Return the mean square of each token's stretch of audio [samples], in dB; silence is -120 dB."""
    padded = F.pad(samples[: tokens * per_token].float(), (0, max(0, per_token * tokens - len(samples))))
    return 10 * padded.reshape(tokens, per_token).square().mean(1).clamp(min=1e-12).log10()
