"""Which tokens of a padded batch of prompts are real, prunable and kept: bookkeeping on masks.

All work is on whole batches; row counts travel to the host once per prefill.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from earmark.errors import UserError
from earmark.reduction.contract import Span


@dataclass(frozen=True)
class Choice:
    """What stays of one prefill."""

    real: Tensor
    """[rows, prompt] bool, False at padding."""
    span: Span
    budget: tuple[int, ...]
    """Tokens of the span that stay in each row."""
    counts: tuple[int, ...]
    """Real tokens of any kind that stay in each row."""
    offsets: Tensor
    """[rows, max(budget)] offsets into the span, padded with -1."""
    sample_ids: tuple[str, ...]


def real_tokens(padding_mask: Any, like: Tensor) -> Tensor:
    """Bool [rows, prompt], False at padding.

    Args:
        padding_mask: the attention mask given to the decoder: None or [rows, prompt].
        like: [rows, prompt, ...] to take shape and device from.

    Raises:
        UserError: the mask has another form.

    """
    if padding_mask is None:
        return torch.ones(like.shape[:2], dtype=torch.bool, device=like.device)
    if not isinstance(padding_mask, Tensor) or padding_mask.shape != like.shape[:2]:
        raise UserError(
            "token reduction: attention_mask must be None or of shape [rows, prompt] "
            f"{tuple(like.shape[:2])} in a prefill"
        )
    return padding_mask.to(like.device).bool()


def with_boundaries(audio: Tensor, real: Tensor, ids: Tensor | None, ends: tuple[int, ...]) -> Tensor:
    """Add to the audio tokens [rows, prompt] those right beside them, which open and close audio.

    Where the ids of such tokens are known (`ends`) and seen (`ids`), only these are added.
    """
    wide = audio.clone()
    wide[:, 1:] |= audio[:, :-1]
    wide[:, :-1] |= audio[:, 1:]
    if ids is not None and ends:
        wide &= audio | torch.isin(ids.to(audio.device), torch.tensor(ends, device=audio.device))
    return wide & real


def after(audio: Tensor, real: Tensor) -> Tensor:
    """Bool [rows, prompt]: real tokens behind the last audio token; none in a row without audio."""
    still_to_come = audio.flip(1).cumsum(1).flip(1)
    return (still_to_come == 0) & real & audio.any(1, keepdim=True)


def survivors(choice: Choice) -> tuple[Tensor, Tensor | None]:
    """Positions that stay in the sequence: text, kept audio, and padding on the left.

    Returns:
        positions [rows, width], the kept ones ascending at the right end of each row, and
        valid [rows, width], False at padding, or None if there is none. If no row loses a token
        the positions are 0..prompt-1, the sequence as it was.

    """
    real, span, offsets = choice.real, choice.span, choice.offsets
    prompt = real.shape[1]
    # One column more than the prompt takes what the -1 in the padding of `offsets` point at.
    targets = span.positions.gather(1, offsets.clamp(min=0)).masked_fill(offsets < 0, prompt)
    kept = torch.cat([real & ~span.mask, torch.zeros_like(real[:, :1])], dim=1)
    kept = kept.scatter(1, targets, True)[:, :prompt]
    width = prompt if choice.budget == span.lengths else max(choice.counts)
    positions = kept.to(torch.uint8).argsort(dim=1, stable=True)[:, prompt - width :]
    valid = None if min(choice.counts) == width else kept.gather(1, positions)
    return positions, valid
