"""Which tokens of a padded batch of prompts are real, prunable and kept: bookkeeping on masks.

All work is on whole batches; row counts travel to the host once per prefill.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.contract import Reduced, Span
from earmark.reduction.decoder import Decoder


@dataclass(frozen=True)
class Seen:
    """What was seen of the prompts of one prefill, before anything was chosen."""

    like: Tensor
    """[rows, prompt, ...] to take shape and device from."""
    padding_mask: Any
    input_ids: Tensor | None
    audio_mask: Tensor | None
    sample_ids: tuple[str, ...] | None
    encoder: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)
    """By name a score of every audio token, one tensor [tokens] or [tokens, dim] for each row."""
    question: Tensor | None = None
    """[rows, prompt] bool, tokens that ask something."""


@dataclass(frozen=True)
class Outline:
    """The prompts of one prefill, as far as choosing is concerned."""

    real: Tensor
    """[rows, prompt] bool, False at padding."""
    span: Span
    budget: tuple[int, ...]
    """Tokens of the span that stay in each row."""
    counts: tuple[int, ...]
    """Real tokens of any kind that stay in each row."""
    sample_ids: tuple[str, ...]
    sinks: tuple[int, ...]
    """1 where the first token of a row's prompt is audio that may not go, else 0; it is in no span."""

    @property
    def before(self) -> tuple[int, ...]:
        """Prunable tokens of each row, the protected one among them."""
        return tuple(length + sink for length, sink in zip(self.span.lengths, self.sinks, strict=True))

    @property
    def after(self) -> tuple[int, ...]:
        """Those of them that stay."""
        return tuple(keep + sink for keep, sink in zip(self.budget, self.sinks, strict=True))

    @property
    def width(self) -> int:
        """Tokens of the longest row that are left; if no row loses any, padding stays too."""
        return self.real.shape[1] if self.budget == self.span.lengths else max(self.counts)

    def keeping(self, budget: tuple[int, ...]) -> "Outline":
        """Return the same prompts with another budget."""
        fewer = (keep - old for keep, old in zip(budget, self.budget, strict=True))
        counts = tuple(count + change for count, change in zip(self.counts, fewer, strict=True))
        return replace(self, budget=budget, counts=counts)


@dataclass(frozen=True)
class Choice:
    """What stays of one prefill, or of one stage of it."""

    outline: Outline
    """Of the sequence as it was before."""
    reduced: Reduced

    @property
    def offsets(self) -> Tensor:
        """[rows, max(budget)] offsets into the span, padded with -1."""
        return self.reduced.place

    def then(self, positions: Tensor, valid: Tensor | None, budget: tuple[int, ...]) -> Outline:
        """Return the outline of what is left, its tokens at ``positions``, for a further stage."""
        old = self.outline
        real = torch.ones_like(positions, dtype=torch.bool) if valid is None else valid
        # Where no row lost a token, padding stays, and is no span.
        real = real & old.real.gather(1, positions)
        span = Span.of(old.span.mask.gather(1, positions) & real, old.budget)
        return replace(old, real=real, span=span)


def outline(
    seen: Seen,
    decoder: Decoder,
    prunable: Literal["audio", "boundaries", "all"],
    tokens: Callable[[int], int],
) -> Outline:
    """Find what may be dropped and count what stays.

    The first token of a prompt is the decoder's attention sink, whatever it is: where it is audio, it stays
    and counts as one of those that stay. Only ``prunable`` "boundaries" and "all", as published, let it go.

    Args:
        seen: the prefill.
        decoder: whose config names the audio tokens.
        prunable: the audio tokens, these with those that open and close them, or every token.
        tokens: how many of a span of that length stay.

    Raises:
        UserError: the audio cannot be found, or the prompts are not padded on the left.

    """
    real = real_tokens(seen.padding_mask, seen.like)
    span = real if prunable == "all" else audio_tokens(seen, decoder.audio_id) & real
    first = real & (real.cumsum(1) == 1) & span if prunable == "audio" else torch.zeros_like(span)
    span = span & ~first
    if prunable == "boundaries":
        span = with_boundaries(span, real, seen.input_ids, decoder.boundary_ids)
    # The one transfer to the host: from here on all sizes are known.
    lengths, totals, ends, sinks = torch.stack(
        [span.sum(1), real.sum(1), real[:, -1].long(), first.sum(1)]
    ).tolist()
    if not all(ends):
        raise UserError("token reduction: pad prompts on the left (padding_side='left')")
    ids = ("",) * len(lengths) if seen.sample_ids is None else seen.sample_ids
    if len(ids) != len(lengths):
        raise UserError(
            f"token reduction: {len(ids)} sample ids for {len(lengths)} rows; give expect() one per row"
        )
    budget = tuple(max(0, tokens(length + sink) - sink) for length, sink in zip(lengths, sinks, strict=True))
    counts = tuple(total - length + keep for total, length, keep in zip(totals, lengths, budget, strict=True))
    return Outline(real, Span.of(span, tuple(lengths)), budget, counts, ids, tuple(sinks))


def audio_tokens(seen: Seen, audio_id: int | None) -> Tensor:
    """Audio tokens [rows, prompt], as expected or else as seen in the ids; UserError if neither."""
    mask, ids = seen.audio_mask, seen.input_ids
    if mask is None and ids is not None and audio_id is not None:
        mask = ids == audio_id
    if mask is None:
        raise UserError(
            "token reduction: cannot see where the audio is (no input_ids, or no audio token "
            "in the config); call expect(audio_mask=...) before each prefill"
        )
    if mask.shape != seen.like.shape[:2]:
        raise UserError(
            f"token reduction: the audio mask is {tuple(mask.shape)} and the prompt is "
            f"{tuple(seen.like.shape[:2])}; write the placeholder once per audio token"
        )
    return mask.to(seen.like.device).bool()


def encoder_scores(seen: Seen, audio: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the encoder's scores where their tokens are in the prompt, by name: [rows, prompt, ...].

    Args:
        seen: the prefill.
        audio: [rows, prompt] bool, the audio tokens.
        names: the scores wanted.

    Raises:
        UserError: one of them wasn't given, or isn't one for each audio token.

    """
    found = {}
    for name in names:
        if name not in seen.encoder:
            raise UserError(
                f"token reduction: the method needs the encoder's '{name}' of every audio token; features "
                "hold them, in a loop of your own call expect(encoder=...) before each prefill"
            )
        rows = seen.encoder[name]
        counts = audio.sum(1).tolist()
        if [len(row) for row in rows] != counts:
            raise UserError(
                f"token reduction: expect(encoder=...) gave '{name}' for {[len(row) for row in rows]} audio "
                f"tokens, and the prompts have {counts}; make the features again"
            )
        values = torch.cat([row.to(audio.device, torch.float32) for row in rows])
        placed = values.new_zeros(*audio.shape, *values.shape[1:])
        placed[audio] = values
        found[name] = placed
    return found


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
    outline, offsets = choice.outline, choice.offsets
    real, span = outline.real, outline.span
    prompt, width = real.shape[1], outline.width
    # One column more than the prompt takes what the -1 in the padding of `offsets` point at.
    targets = span.positions.gather(1, offsets.clamp(min=0)).masked_fill(offsets < 0, prompt)
    kept = torch.cat([real & ~span.mask, torch.zeros_like(real[:, :1])], dim=1)
    kept = kept.scatter(1, targets, True)[:, :prompt]
    positions = kept.to(torch.uint8).argsort(dim=1, stable=True)[:, prompt - width :]
    valid = None if min(outline.counts) == width else kept.gather(1, positions)
    return positions, valid
