"""One prefill, from what the hooks saw to what is kept: span, budget, the method, the record."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from earmark.reduction.budget import Budget
from earmark.reduction.contract import Known, Prompt, Reduced, Reducer
from earmark.reduction.decoder import Decoder, attention_rows
from earmark.reduction.probe import Probe
from earmark.reduction.prompt import Choice, Outline, Seen, after, audio_tokens, encoder_scores, outline
from earmark.reduction.record import RowRecord, Step, records
from earmark.reduction.slots import merged_away

Rotary = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Prefill:
    """What the hooks saw of one prefill before one of the layers that lose tokens."""

    hidden: Tensor
    """[rows, prompt, hidden] states entering layer K."""
    rotary: Rotary
    """Cosine and sine, each [rows or 1, prompt, head dim]."""
    previous: Tensor | None
    """[rows, prompt, hidden] states entering layer K-1, where the method needs them."""
    cache: Any
    entered: Tensor | None
    """[rows, prompt, hidden] states entering layer 0, where the method needs them."""


@dataclass
class Course:
    """A prefill on its way through the stages of a method."""

    first: Outline
    """Of the whole prompt; its budget is what is left in the end."""
    now: Outline
    """Of the sequence as it is."""
    kept: Tensor
    """[rows, width] offsets into the first span of the tokens that are in the span now."""
    encoder: dict[str, Tensor]
    """The encoder's scores of the first span, by name: [rows, width, ...]."""
    question: Tensor | None
    """[rows, prompt] bool in the first prompt."""
    steps: list[Step]


@dataclass(frozen=True)
class Selection:
    """A method with a budget at a layer of a decoder."""

    decoder: Decoder
    reducer: Reducer
    budget: Budget
    layer_requested: int
    seed: int
    reference: bool

    @property
    def layer(self) -> int:
        """The first layer before which tokens are dropped."""
        return max(self.layer_requested, self.reducer.lowest_layer)

    @property
    def layers(self) -> tuple[int, ...]:
        """All layers before which tokens are dropped."""
        return self.reducer.stages(self.layer, len(self.decoder.text.layers))

    @property
    def needs_previous(self) -> bool:
        """Whether the method needs anything of layer K-1."""
        reducer = self.reducer
        return reducer.needs_keys or reducer.needs_attention or reducer.needs_probe

    def begin(self, seen: Seen) -> Course:
        """Find the span and count what is left in the end.

        Raises:
            UserError: the audio or the encoder's scores cannot be found, or the prompts are not padded on
                the left.

        """
        prunable: Literal["boundaries", "audio"] = self.reducer.reference_span if self.reference else "audio"
        found = outline(seen, self.decoder, prunable, self._tokens)
        scores: dict[str, Tensor] = {}
        if self.reducer.needs_encoder:
            audio = audio_tokens(seen, self.decoder.audio_id)
            scores = encoder_scores(seen, audio, self.reducer.needs_encoder)
            scores = {name: found.span.take(values) for name, values in scores.items()}
        question = None if seen.question is None else seen.question.to(found.real.device).bool()
        every = torch.arange(found.span.positions.shape[1], device=found.real.device)
        return Course(found, found, every.expand(len(found.budget), -1), scores, question, [])

    def choose(self, course: Course, prefill: Prefill, stage: int) -> Choice:
        """Let the method choose at one of its layers, and note the step.

        Raises:
            UserError: the method filled another budget than its own.

        """
        final = course.first.budget
        whole = course.first.span.lengths
        budget = tuple(
            length if keep == whole_ else min(length, self._left(stage, whole_, keep))
            for length, whole_, keep in zip(course.now.span.lengths, whole, final, strict=True)
        )
        found = course.now.keeping(budget)
        if max(budget) == 0:
            nothing = torch.empty(len(budget), 0, dtype=torch.long, device=prefill.hidden.device)
            choice = Choice(found, Reduced(nothing))
        else:
            reduced = self.reducer.reduce(self._known(course, found, prefill, stage))
            if not self.reducer.exact:
                found = found.keeping(tuple((reduced.place >= 0).sum(1).tolist()))
            choice = Choice(found, reduced)
        merged = merged_away(found.span, choice.reduced, found.budget)
        course.steps.append(Step(self.layers[stage], choice, merged))
        course.kept = course.kept.gather(1, choice.offsets.clamp(min=0))
        return choice

    def records(self, course: Course, selection_s: float, gather_s: float) -> list[RowRecord]:
        """One record per row."""
        moved = self.layer != self.layer_requested
        note = f"{self.reducer.name} needs layer {self.reducer.lowest_layer} or later" if moved else ""
        note = "; ".join(filter(None, [note, self.reducer.note]))
        blank = RowRecord(
            sample_id="",
            method=self.reducer.name,
            layer_requested=self.layer_requested,
            layer=self.layer,
            note=note,
            tokens_before=0,
            tokens_after=0,
            kept=course.kept,
            selection_s=selection_s,
            gather_s=gather_s,
        )
        return records(blank, course.first, course.kept, course.steps, len(self.decoder.text.layers))

    def _tokens(self, length: int) -> int:
        if not self.reference:
            return self.budget.of(length)
        return min(length, self.reducer.reference_tokens(length, self.budget.drop))

    def _left(self, stage: int, length: int, budget: int) -> int:
        """Return what the method leaves after a stage: between the budget and all, as it says."""
        left = self.reducer.left(stage, length, budget, len(self.layers))
        return max(0, left if stage == len(self.layers) - 1 else max(left, budget))

    def _known(self, course: Course, found: Outline, prefill: Prefill, stage: int) -> Known:
        """Collect what the method needs."""
        reducer, real, text = self.reducer, found.real, self.decoder.text
        number = self.layers[stage]
        entered = prefill.hidden if prefill.previous is None else prefill.previous
        cached = None
        if prefill.previous is not None and prefill.cache is not None:
            cached = prefill.cache.layers[number - 1].keys
        probe = Probe(text.layers[max(0, number - 1)], entered, prefill.rotary, real, cached)
        attention = None
        if reducer.needs_attention:
            rows = attention_rows(probe.layer, entered, prefill.rotary, probe.keys, real, 1)
            attention = rows.mean((1, 2, 3))
        later = after(found.span.mask, real)
        prompt = None
        if prefill.entered is not None:
            first = course.first
            prompt = Prompt(prefill.entered, first.span, after(first.span.mask, first.real))
        return Known(
            hidden=prefill.hidden,
            span=found.span,
            text_after=later,
            budget=found.budget,
            norm=text.norm,
            keys=probe.keys if reducer.needs_keys else None,
            attention=attention,
            seed=self.seed,
            sample_ids=found.sample_ids,
            reference=self.reference,
            starts=tuple(real.int().argmax(1).tolist()) if self.reference else (),
            encoder={name: _at(values, course.kept) for name, values in course.encoder.items()},
            question=_last(course.question, later),
            probe=probe if reducer.needs_probe else None,
            prompt=prompt,
            stage=stage,
            origin=course.kept,
        )


def _at(values: Tensor, offsets: Tensor) -> Tensor:
    """Return values [rows, width, ...] of the tokens at ``offsets`` [rows, n]."""
    rows = torch.arange(len(offsets), device=offsets.device)[:, None]
    return values[rows, offsets]


def _last(question: Tensor | None, later: Tensor) -> Tensor:
    """Return which of the later text asks: the whole of it, if nothing more is known.

    Text behind the audio is never dropped and stands at the right end of every row.
    """
    return later if question is None else later & question[:, -later.shape[1] :]
