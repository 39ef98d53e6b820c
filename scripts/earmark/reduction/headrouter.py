"""HeadRouter: weigh attention heads by how selective they are for this prompt.

    p_h(j) = mean over the text behind the audio of softmax over the audio of q_t k_j / sqrt(d),
             queries and keys of layer K-1 without rotary embedding
    sel_h  = 1 - entropy(p_h) / ln n;  spread = standard deviation of sel over the heads
    a_c    proportional to exp(-(spread - centre_c)^2 / (2 sigma^2)), c: semantic, uniform, acoustic
    importance(j) = sum_h w_h p_h(j), w = sum_c a_c profile_c, normalised; keep the k largest

arXiv 2604.23717 (April 2026), on AudioMarathon and MMAU-Pro; its code, profiles and constants are
unpublished, so the softmax over the audio, the population's deviation and the text that asks are our
reading. `profile` is a file of such weights (docs/methods.md); without one every head counts the same,
which the record says. `prefilter` leaves every so many tokens evenly in time before
scoring: 0 none, 1 down to halfway between n and k, which the paper's best setting does in a way it
doesn't state. Cost: one projection of the audio to keys and of the text to queries in one layer.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class Profile:
    """Head weights of three kinds of tasks, and at which spread each kind is."""

    weights: Tensor
    """[3, heads], each row sums to 1: semantic, uniform, acoustic."""
    centres: Tensor
    """[3] spreads."""
    sigma: float

    @classmethod
    def uniform(cls, heads: int) -> "Profile":
        """Every head counts the same."""
        return cls(torch.full((3, heads), 1 / heads), torch.zeros(3), 1.0)


@dataclass(frozen=True)
class HeadRouter(ByRow):
    """Options: the profile's file, and how much is thinned out evenly before."""

    profile: str | None = None
    prefilter: float = 0.0

    lowest_layer: ClassVar[int] = 1
    acts_at: ClassVar[int | None] = 2
    needs_probe: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a share out of range."""
        if not 0 <= self.prefilter <= 1:
            raise UserError(f"headrouter: prefilter={self.prefilter}: set it between 0 and 1")

    @property
    def note(self) -> str:
        """Whether heads were weighed at all."""
        return "" if self.profile else "headrouter had no profile: every head counts the same"

    def reference_tokens(self, length: int, drop: float) -> int:
        """Rounded down."""
        return max(1, int(length * (1 - drop)))

    def row(self, row: Row) -> Tensor | Slots:
        """Thin out, ask the heads, weigh them."""
        candidates = torch.arange(row.length, device=row.states.device)
        if self.prefilter:
            left = row.length - round(self.prefilter * (row.length - row.budget) / 2)
            candidates = (2 * candidates[:left] + 1) * row.length // (2 * left)
        heads = _marginals(row, row.positions[candidates])
        found = self.profiled(heads)
        if found.weights.shape[1] != len(heads):
            raise UserError(
                f"headrouter: {self.profile} is for {found.weights.shape[1]} heads, the model has "
                f"{len(heads)}; give one of this model (docs/methods.md)"
            )
        return candidates[largest(importance(heads, found), row.budget)]

    def profiled(self, heads: Tensor) -> Profile:
        """Return the weights of heads [heads, n] that give these importances."""
        return _read(self.profile) if self.profile else Profile.uniform(len(heads))


def importance(heads: Tensor, profile: Profile) -> Tensor:
    """Return the importance [n] of tokens to which heads give ``heads`` [heads, n], each row summing to 1."""
    device = heads.device
    spread = selectivity(heads).std(correction=0)
    closeness = -((spread - profile.centres.to(device)) ** 2) / (2 * profile.sigma**2)
    weights = closeness.softmax(0) @ profile.weights.to(device)
    return weights / weights.sum() @ heads


def selectivity(heads: Tensor) -> Tensor:
    """Return 1 - entropy / ln n of each head [heads, n]: 0 is uniform, 1 a single token."""
    count = heads.shape[1]
    if count == 1:
        return torch.zeros(len(heads), device=heads.device)
    entropy = -torch.special.xlogy(heads, heads).sum(1)
    return 1 - entropy / torch.log(torch.tensor(float(count), device=heads.device))


def marginals(logits: Tensor) -> Tensor:
    """Return each head's mean over the queries of its softmax over the audio: [heads, q, n] -> [heads, n]."""
    return logits.softmax(-1).mean(1)


def _marginals(row: Row, positions: Tensor) -> Tensor:
    probe, text = row.probe, row.known.text_after[row.number : row.number + 1]
    if not bool(text.any()):  # nothing asks: the audio's last token does
        text = torch.zeros_like(text)
        text[0, row.positions[-1]] = True
    blocks = [found[0][..., positions] for _, found in probe.logits(text, rope=False)]
    return marginals(torch.cat(blocks, dim=1))


@lru_cache(maxsize=8)
def _read(path: str) -> Profile:
    try:
        content = json.loads(Path(path).read_text())
        weights = torch.tensor([content["semantic"], content["uniform"], content["acoustic"]])
        return Profile(weights, torch.tensor(content["centres"]), float(content["sigma"]))
    except FileNotFoundError:
        raise UserError(
            f"headrouter: profile {path} does not exist; docs/methods.md says what it holds"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"headrouter: profile {path} is damaged ({error}); make it again") from None
