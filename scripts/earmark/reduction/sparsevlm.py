"""SparseVLM: the words that concern the audio say, at three layers, which audio stays.

    raters, once at the input: M = softmax over the text of x_audio h_text; a text token behind the
        audio is one if its mean over the audio is above the mean of all
    at each layer: score_j = mean over heads and raters of the attention to j in layer K-1; the best stay
    recycling: the best 30 % and one of the rest, clustered by density, one token a cluster

Zhang et al. (arXiv 2410.04417, ICML 2025); code Gumpest/SparseVLMs, Apache-2.0, read, not copied. On
LLaVA it acts behind layers 2, 6 and 15 of 32: here K, and 4/32 and 13/32 of the depth further on. Its
tables hold counts for 576 image tokens alone; here every stage leaves the same share, and clusters
are part of the budget. `recycle: false` is SparseVLM+. Positions are kept, where version 1.0 renumbers.
Density has no random noise: ties go to the earlier token. Cost: the raters' rows at three layers, and
all pairs of what is clustered.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.reduction.likeness import largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class SparseVLM(ByRow):
    """Option: whether some of what goes is merged into clusters."""

    recycle: bool = True

    lowest_layer: ClassVar[int] = 1
    acts_at: ClassVar[int | None] = 3
    needs_probe: ClassVar[bool] = True
    needs_prompt: ClassVar[bool] = True

    def stages(self, layer: int, depth: int) -> tuple[int, ...]:
        """Three layers; fewer in a decoder of few."""
        later = {layer + round(depth * part / 32) for part in (0, 4, 13)}
        return tuple(sorted(each for each in later if each < depth))

    def left(self, stage: int, length: int, budget: int, stages: int) -> int:
        """The same share at every stage."""
        return round(length * (budget / length) ** ((stage + 1) / stages))

    def row(self, row: Row) -> Tensor | Slots:
        """Score by the raters, keep the best, cluster some of the rest."""
        score = self._scores(row)
        order = largest(score, row.length)
        clusters = _clusters(row.length, row.budget) if self.recycle else 0
        if not clusters:
            return order[: row.budget]
        kept = row.budget - clusters
        pool = order[kept : kept + int(0.3 * (row.length - kept)) + 1].sort().values
        group, centres = clustered(row.states[pool], clusters)
        place = torch.cat([order[:kept], pool[centres]]).sort().values
        slot = torch.full((row.length,), -1, device=score.device)
        slot[place] = torch.arange(len(place), device=score.device)
        into = slot.clone()
        into[pool] = slot[pool[centres]][group]
        return Slots(place, into, (1 / into.clamp(min=0).bincount(into >= 0).float())[into.clamp(min=0)])

    def _scores(self, row: Row) -> Tensor:
        prompt, probe = row.known.prompt, row.probe
        assert prompt is not None
        span = prompt.span.positions[row.number, : prompt.span.lengths[row.number]]
        text = prompt.text_after[row.number].nonzero()[:, 0]
        asking = torch.zeros_like(probe.real)
        asking[:, -1] = True
        if len(text):
            states = prompt.hidden[row.number].float()
            offsets = text[raters(states[span], states[text])] - prompt.hidden.shape[1]
            asking = torch.zeros_like(probe.real)
            asking[:, offsets] = True  # text behind the audio stands at the end in every layer
        rows = torch.cat([found[0][..., row.positions] for _, found in probe.attention(asking)], dim=1)
        return rows.mean((0, 1))


def raters(audio: Tensor, text: Tensor) -> Tensor:
    """Return the offsets of the text tokens [t, hidden] that concern the audio [n, hidden] above average."""
    score = (audio @ text.mT).softmax(-1).mean(0)
    above = (score > score.mean()).nonzero()[:, 0]
    return above if len(above) else largest(score, 1)


def _clusters(length: int, budget: int) -> int:
    """Return how many clusters there are, so that they and the tokens kept are the budget."""
    for clusters in range(1, budget):
        pool = int(0.3 * (length - budget + clusters)) + 1
        if pool // 10 + 1 <= clusters:
            return clusters if pool >= clusters else 0
    return 0


def clustered(tokens: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the cluster of each token [m], and the tokens that are centres [count], by density peaks.

    A centre is dense and far from any denser token (Rodriguez and Laio, 2014); distances are Euclidean,
    divided by the square root of the width.
    """
    distance = torch.cdist(tokens, tokens) / tokens.shape[1] ** 0.5
    near = min(count, len(tokens))
    density = (-distance.topk(near, largest=False).values.square().mean(1)).exp()
    denser = density[None, :] > density[:, None]
    farthest = distance.max()
    apart = distance.masked_fill(~denser, torch.inf).amin(1)
    apart = torch.where(apart.isinf(), farthest, apart)
    centres = largest(density * apart, count)
    group = distance[:, centres].argmin(1)
    group[centres] = torch.arange(len(centres), device=tokens.device)
    return group, centres
