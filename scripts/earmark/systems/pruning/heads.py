"""A calibration of HeadRouter's head profiles: ours, since its authors published none.

The paper (arXiv 2604.23717) weighs heads by ablation on ten samples a kind of task. Here, on training clips
of one task that asks for words and one that asks for sounds:

    gain(h)    = log-probability of the right answer with the tokens kept that head h alone would choose,
                 minus that with the tokens that all heads together choose; mean over the clips
    profile    = softmax of the gains over the heads, a profile for each task; the middle one is uniform
    centre     = mean over the clips of the spread of the heads' selectivity; the middle one lies between
    sigma      = half the distance of neighbouring centres

Cost: one prefill for each clip and head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from transformers import DynamicCache

from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.models.checkpoint import Checkpoint
from earmark.reduction.headrouter import HeadRouter, Profile, selectivity
from earmark.reduction.hooks import TokenReduction
from earmark.systems.pruning.asked import Heads
from earmark.systems.pruning.prompted import Prompted, opened
from earmark.training.recipes.composed import Lesson

Measured = tuple[list[float], float]
"""What each head gains on a clip, and the spread of the heads' selectivity."""
NEAREST = 1e-6
"""Least distance of centres: two tasks of the same spread are told apart by nothing."""


@dataclass(frozen=True)
class OneHead(HeadRouter):
    """HeadRouter with one head that counts, or with all alike; it notes how selective the heads were."""

    head: int | None = None
    spreads: list[float] = field(default_factory=list)
    """Of each prompt that was pruned; the number of heads is behind it."""
    counted: list[int] = field(default_factory=list)

    def profiled(self, heads: Tensor) -> Profile:
        """Return weights of 1 for the head and of 0 for the others."""
        self.spreads.append(float(selectivity(heads).std(correction=0)))
        self.counted.append(len(heads))
        uniform = Profile.uniform(len(heads))
        if self.head is None:
            return uniform
        alone = torch.zeros_like(uniform.weights)
        alone[:, self.head] = 1
        return Profile(alone, uniform.centres, uniform.sigma)


def said(clip: Prompted, reducer: HeadRouter, ratio: float, layer: int) -> float:
    """Return the log-probability of a clip's right answer with the tokens that a method keeps.

    The prompt is read first, so that the answer asks for nothing.
    """
    decoder, asked = clip.decoder, len(clip.prompt)
    cache = DynamicCache(config=decoder.model.config)
    states: list[Tensor] = []
    with TokenReduction(decoder.model, reducer, keep_ratio=ratio, layer=layer) as reduction:
        reduction.expect(clip.heard[:, :asked], [clip.name])
        for part, seen in ((slice(0, asked), asked), (slice(asked, -1), len(clip.mask[0]) - 1)):
            embeddings = clip.embeddings[:, part]
            if embeddings.shape[1]:
                found = decoder.model(
                    inputs_embeds=embeddings,
                    attention_mask=clip.mask[:, :seen],
                    position_ids=clip.positions[:, part],
                    past_key_values=cache,
                    use_cache=True,
                ).last_hidden_state
                states.append(found[0] if states else found[0, -1:])
    logits = decoder.head(torch.cat(states)).float()
    answer = torch.tensor(clip.answer, device=logits.device)
    return logits.log_softmax(-1).gather(1, answer[:, None]).sum().item()


@torch.inference_mode()
def gains(clip: Prompted, ratio: float, layer: int) -> Measured:
    """Return what each head alone gains over all together, and the spread of the heads' selectivity."""
    together = OneHead()
    plain = said(clip, together, ratio, layer)
    own = [said(clip, OneHead(head=head), ratio, layer) - plain for head in range(together.counted[0])]
    return own, together.spreads[0]


def profile(semantic: Sequence[Measured], acoustic: Sequence[Measured]) -> Json:
    """Return the profile that the gains and spreads of two tasks' clips make."""
    kinds = []
    for measured in (semantic, acoustic):
        mean = torch.tensor([own for own, _ in measured]).mean(0)
        kinds.append((mean.softmax(0), sum(spread for _, spread in measured) / len(measured)))
    (words, low), (sounds, high) = kinds
    return {
        "semantic": words.tolist(),
        "uniform": [1 / len(words)] * len(words),
        "acoustic": sounds.tolist(),
        "centres": [low, (low + high) / 2, high],
        "sigma": max(abs(high - low), NEAREST) / 4,
    }


def chosen(lesson: Lesson, count: int) -> list[int]:
    """Return ``count`` clips spread evenly over a lesson."""
    return list(range(0, len(lesson.clips), -(-len(lesson.clips) // count)))[:count]


def run(
    asked: Heads,
    features: Sequence[Path],
    indexes: Sequence[Path],
    checkpoint: Path,
    threads: int,
) -> Json:
    """Return a profile, and what it was made from.

    Raises:
        UserError: checkpoint or features are damaged or don't fit each other.
    """
    model = Checkpoint.read(checkpoint)
    decoder, found = opened(asked, asked.tasks, model, features, indexes, threads)
    measured = []
    for lesson in found:
        numbers = tqdm(chosen(lesson, asked.clips), desc=lesson.task.name, unit="clip")
        clips = (Prompted(decoder, lesson, number) for number in numbers)
        measured.append([gains(clip, asked.ratio, asked.layer) for clip in clips])
    return profile(*measured) | {
        "calibration": "earmark's own, not the paper's",
        "tasks": [task.name for task in asked.tasks],
        "clips": [len(each) for each in measured],
        "ratio": asked.ratio,
        "layer": asked.layer,
        "model_digest": model.digest,
    }
