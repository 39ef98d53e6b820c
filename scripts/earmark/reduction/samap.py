"""SA-MAP: merge runs of like neighbours, then keep the groups that are important and unlike each other.

    1. token i joins the open group G if the mean of its cosines with all of G is >= threshold
       z_G = sum a_j x_j / sum a_j      a: attention received in the encoder's last layer, maximum of heads
       q_G = mean of d_j                d: attention of a token to itself there, mean of heads
    2. keep k groups by greedy MAP of a determinantal point process with L = q_G cos(z_G, z_H) q_H

Preprint 202606.0741 (June 2026); code Tencent/AngelSlim, branch SA-MAP, Apache-2.0, read, not
copied. Where fewer than k groups come out of step 1, the joins of least similarity are undone until
there are k, and step 2 falls away; the public code then repeats tokens, which we do not follow.
`reference` counts as its port to Qwen2-Audio. Cost: cosines within runs, a scan and the k steps of
the greedy search on the host.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.reduction.likeness import check_cosine, cosines, volume_greedy
from earmark.reduction.rows import ByRow, Row, Slots, port_tokens, shares


@dataclass(frozen=True)
class SaMap(ByRow):
    """Option: the mean cosine with a group that joining it takes."""

    threshold: float = 0.85

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse what no cosine can be."""
        check_cosine("samap: threshold", self.threshold)

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received, and gave itself, in the encoder's last layer."""
        return ("received_max", "diagonal_mean")

    def reference_tokens(self, length: int, drop: float) -> int:
        """As the port counts."""
        return port_tokens(length, drop)

    def row(self, row: Row) -> Tensor | Slots:
        """Merge, then choose among the groups."""
        groups, likeness = joined(row.states, self.threshold)
        received, own = row.encoder["received_max"], row.encoder["diagonal_mean"]
        count = int(groups[-1]) + 1
        if count <= row.budget:
            return Slots.means(released(groups, likeness, row.budget - count), received)
        weight = shares(groups, received)
        merged = row.states.new_zeros(count, row.states.shape[1])
        merged = merged.index_add(0, groups, row.states * weight[:, None].to(row.states.dtype))
        importance = own.new_zeros(count).index_add(0, groups, own) / groups.bincount()
        kernel = importance[:, None] * cosines(merged) * importance
        kept = torch.zeros(count, dtype=torch.bool, device=groups.device)
        kept[volume_greedy(kernel, row.budget, importance)] = True
        return Slots.means(groups.masked_fill(~kept[groups], -1), received)


def joined(states: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Return the number of each token's group [n], and how like it was when it joined [n].

    A token that opened its group is infinitely like it. The scan needs no cosine matrix: the mean
    cosine with a group is the product with the mean of its members' unit states.
    """
    unit = F.normalize(states, dim=-1).double().cpu()
    total, size = unit[0].clone(), 1
    groups, likeness = [0], [torch.inf]
    for each in unit[1:]:
        mean = float(each @ total) / size
        if mean >= threshold:
            total += each
            size += 1
        else:
            total, size = each.clone(), 1
        groups.append(groups[-1] + (size == 1))
        likeness.append(torch.inf if size == 1 else mean)
    return torch.tensor(groups, device=states.device), torch.tensor(likeness, device=states.device)


def released(groups: Tensor, likeness: Tensor, count: int) -> Tensor:
    """Return groups of which the ``count`` tokens least like theirs stand alone, the earlier on a tie."""
    alone = likeness.argsort(stable=True)[:count]
    numbers = torch.arange(len(groups), device=groups.device)
    return groups.scatter(0, alone, len(groups) + numbers[: len(alone)])
