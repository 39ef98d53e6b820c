"""What happened to each row of a prefill, as it is told to whoever asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from earmark.reduction.contract import Reduced
from earmark.reduction.prompt import Choice, Outline


@dataclass(frozen=True)
class Step:
    """One stage of a prefill, for all rows."""

    layer: int
    """Before which it was."""
    choice: Choice
    merged: tuple[int, ...]
    """Tokens of each row that live on in another one's slot."""


@dataclass(frozen=True)
class Stage:
    """What one stage did to one row."""

    layer: int
    """Before which it was."""
    tokens: int
    """Audio tokens left after it."""
    reduced: Reduced
    """Where the tokens that were left before it went: [tokens] and [tokens before] long."""


@dataclass(frozen=True)
class RowRecord:
    """What happened to one row of a prefill."""

    sample_id: str
    method: str
    layer_requested: int
    layer: int
    """The first layer that lost tokens."""
    note: str
    tokens_before: int
    tokens_after: int
    """Tokens left behind the last stage: those kept as they were, and those that others were merged into."""
    kept: Tensor
    """[tokens_after] offsets into the audio tokens, ascending, on the model's device; of merged ones, where
    they stand."""
    selection_s: float
    """Seconds for choosing, for the whole batch: masks, keys, attention row, method."""
    gather_s: float
    """Seconds for dropping, for the whole batch: states, rotary tables, mask."""
    tokens_merged: int = 0
    """Tokens that live on in another one's state."""
    stages: tuple[Stage, ...] = ()
    share_of_layers: float = 1.0
    """Share of the audio tokens that a layer saw, mean over all layers."""

    def tokens_at(self, layer: int) -> int:
        """Return the audio tokens that a layer sees."""
        if not self.stages:
            return self.tokens_before if layer < self.layer else self.tokens_after
        return next((s.tokens for s in reversed(self.stages) if s.layer <= layer), self.tokens_before)

    @property
    def tokens_dropped(self) -> int:
        """Tokens of which nothing is left."""
        return self.tokens_before - self.tokens_after - self.tokens_merged

    @property
    def keep_ratio_effective(self) -> float:
        """Share of the span that was kept; 1 where there was no audio."""
        return self.tokens_after / self.tokens_before if self.tokens_before else 1.0


def records(
    blank: RowRecord, first: Outline, kept: Tensor, steps: Sequence[Step], depth: int
) -> list[RowRecord]:
    """Return one record per row.

    Args:
        blank: what all rows have in common.
        first: the outline of the whole prompt.
        kept: [rows, slots] offsets into its span of what is left.
        steps: the stages so far.
        depth: layers of the decoder.

    """
    found = []
    for row, (before, sink) in enumerate(zip(first.before, first.sinks, strict=True)):
        stages = tuple(_stage(step, row) for step in steps)
        borders = [0, *(stage.layer for stage in stages), depth]
        held = [before, *(stage.tokens for stage in stages)]
        seen = sum(tokens * (end - start) for tokens, start, end in zip(held, borders, borders[1:]))
        offsets = kept[row, : held[-1] - sink]
        found.append(
            replace(
                blank,
                sample_id=first.sample_ids[row],
                tokens_before=before,
                tokens_after=held[-1],
                kept=torch.cat([offsets.new_zeros(1), offsets + 1]) if sink else offsets,
                tokens_merged=sum(step.merged[row] for step in steps),
                stages=stages,
                share_of_layers=seen / (before * depth) if before else 1.0,
            )
        )
    return found


def _stage(step: Step, row: int) -> Stage:
    """Return a row's part of a step."""
    reduced, outline = step.choice.reduced, step.choice.outline
    length, tokens = outline.span.lengths[row], outline.budget[row]
    own = [None if part is None else part[row, :length] for part in (reduced.into, reduced.weight)]
    return Stage(step.layer, outline.after[row], Reduced(reduced.place[row, :tokens], *own))
