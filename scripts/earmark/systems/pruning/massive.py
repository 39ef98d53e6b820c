"""Tokens of massive activation in a composed model: which there are, and whether pruning should spare them.

In language models a few tokens, the first above all, have activations of hundreds of times the others' (Sun
et al. 2024), and attention rests on them. Here a token counts as massive where the largest magnitude of its
state is ``THRESHOLD`` times the median over the prompt's tokens. The first token of a prompt is protected
anyway; what is measured is the audio tokens besides it, and what becomes of the answers if a random subset
must contain those too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from earmark.core.files import Json
from earmark.models.checkpoint import Checkpoint
from earmark.reduction.contract import Known, Wrapper, first_of
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.random_tokens import Random
from earmark.scoring.intervals import share
from earmark.systems.pruning.asked import Massive
from earmark.systems.pruning.prompted import Prompted, opened

THRESHOLD = 20.0


@dataclass(frozen=True)
class Sparing(Wrapper):
    """Another method's choice, with tokens that must be in it; as many as the budget."""

    spared: tuple[int, ...] = ()
    """Positions in the prompt."""

    def select(self, known: Known) -> Tensor:
        """Put the spared tokens before what the inner method chose, which fills the rest."""
        (chosen,) = self.inner.select(known).tolist()
        offsets = {int(at): i for i, at in enumerate(known.span.positions[0])}
        first = [offsets[at] for at in self.spared if at in offsets]
        ranking = [*first, *(offset for offset in chosen if offset not in first)]
        return first_of(torch.tensor([ranking], device=known.hidden.device), known.budget)


class Asked(Prompted):
    """A clip's prompt, its massive tokens, and whether it is answered right without some of the others."""

    def magnitudes(self, layers: Sequence[int]) -> dict[int, Tensor]:
        """Return the largest magnitude of each prompt token before a layer, in medians: layer -> [tokens]."""
        n = len(self.prompt)
        states = self.decoder.hidden(
            self.embeddings[:, :n], self.mask[:, :n], self.positions[:, :n], sorted(layers)
        )
        largest = {layer: states[layer][0].float().abs().amax(-1) for layer in layers}
        return {layer: each / each.median() for layer, each in largest.items()}

    def massive(self, medians: Tensor) -> tuple[float, list[int]]:
        """Return the first token's magnitude, and the positions of the massive audio tokens behind it."""
        heard = self.heard[0, 1 : len(medians)]
        others = ((medians[1:] > THRESHOLD) & heard).nonzero()[:, 0] + 1
        return float(medians[0]), others.tolist()

    @torch.inference_mode()
    def right(self, ratio: float, layer: int, seed: int, spared: Sequence[int]) -> bool:
        """Say whether the model answers right where a random subset of the audio is kept."""
        reducer = Sparing(Random(), tuple(spared))
        with TokenReduction(
            self.decoder.model, reducer, keep_ratio=ratio, layer=layer, seed=seed
        ) as reduction:
            reduction.expect(self.heard, [self.name])
            states = self.decoder.model(
                inputs_embeds=self.embeddings,
                attention_mask=self.mask,
                position_ids=self.positions,
                use_cache=False,
            ).last_hidden_state
        found = self.decoder.head(states[0, -len(self.answer) - 1 : -1]).argmax(-1).tolist()
        return bool(found == self.answer)


def run(
    asked: Massive,
    features: Sequence[Path],
    indexes: Sequence[Path],
    checkpoint: Path,
    threads: int,
) -> Json:
    """Return how many audio tokens are massive before each layer, and answers with and without sparing them.

    Raises:
        UserError: checkpoint or features are damaged or don't fit each other.
    """
    model = Checkpoint.read(checkpoint)
    decoder, (lesson,) = opened(asked, [asked.task], model, features, indexes, threads)
    ratio, where = asked.ratio, asked.layers
    found: list[dict[int, tuple[float, int]]] = []
    plain: list[bool] = []
    sparing: list[bool] = []
    for number in range(0, len(lesson.clips), -(-len(lesson.clips) // asked.clips)):
        clip = Asked(decoder, lesson, number)
        massive = {layer: clip.massive(medians) for layer, medians in clip.magnitudes(where).items()}
        found.append({layer: (first, len(others)) for layer, (first, others) in massive.items()})
        plain.append(clip.right(ratio, asked.layer, asked.seed, ()))
        sparing.append(clip.right(ratio, asked.layer, asked.seed, massive[where[-1]][1]))
    return {
        "task": asked.task.name,
        "model_digest": model.digest,
        "threshold": THRESHOLD,
        "clips": len(found),
        "layers": [
            {
                "layer": layer,
                "first_token": float(np.median([clip[layer][0] for clip in found])),
                "other_audio_tokens": float(np.mean([clip[layer][1] for clip in found])),
            }
            for layer in where
        ],
        "random": {
            "keep_ratio": ratio,
            "spared_before_layer": where[-1],
            "right": share(plain),
            "right_sparing": share(sparing),
            "changed": sum(a != b for a, b in zip(plain, sparing, strict=True)),
        },
    }
