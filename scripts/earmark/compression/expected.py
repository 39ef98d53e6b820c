"""Expected attention: keep what queries yet to come will likely attend to.

Queries are taken for normally distributed: mean m and covariance C of the prompt's queries before
RoPE, turned by R, the average of the rotations of the next `future` positions. For such queries

    E[exp(q k / sqrt(d))] = exp(k R m / sqrt(d) + k R C R^T k / (2 d))

    score = softmax of this exponent over the entries, averaged over the query heads of a kv head,
            times |value|

Devoto et al., "Expected Attention: KV Cache Compression by Estimating Attention from Future Queries
Distribution" (arXiv 2510.00636); defaults as in kvpress. The first `sinks` entries of the prompt,
whose queries are unlike all others, are left out of the statistics and kept. Cost: the prompt's
queries once more, and two products of head dim squared per entry.
"""

from dataclasses import dataclass

from torch import Tensor

from earmark.compression.contract import Compressor, Entries, first, order_of
from earmark.core.errors import UserError
from earmark.reduction.decoder import rotated


@dataclass(frozen=True)
class Expected(Compressor):
    """Options: positions looked ahead, entries at the beginning left out of the statistics."""

    future: int = 512
    sinks: int = 4

    def __post_init__(self) -> None:
        """Refuse less than one position ahead."""
        if self.future < 1 or self.sinks < 0:
            raise UserError(
                f"kv-expected: future={self.future}, sinks={self.sinks}: set future to 1 or more and "
                "sinks to 0 or more"
            )

    def score(self, entries: Entries) -> Tensor:
        """All in float32; the covariance is [head dim, head dim] per query head."""
        opening = entries.real & (order_of(entries.real) < self.sinks)
        used = (entries.real & ~opening)[:, None, None, :, None]
        count = used.sum(3).clamp(min=1)
        queries = entries.queries().float()
        mean = (queries * used).sum(3) / count
        centred = (queries - mean.unsqueeze(3)) * used
        covariance = centred.transpose(-1, -2) @ centred / count.unsqueeze(-1)

        # The average of rotations is linear, so it is applied like one: to the mean, and to both
        # sides of the covariance.
        cos, sin = (table.float().mean(1)[:, None, None] for table in entries.ahead(self.future))
        mean = rotated(mean, cos, sin)
        cos, sin = cos.unsqueeze(3), sin.unsqueeze(3)
        covariance = rotated(rotated(covariance, cos, sin).transpose(-1, -2), cos, sin)

        keys = entries.keys.float()[:, :, None]
        exponent = (keys * mean.unsqueeze(3)).sum(-1) * entries.scaling
        exponent += ((keys @ covariance) * keys).sum(-1) * (entries.scaling**2 / 2)
        likely = exponent.masked_fill(~used[..., 0], -1e30).softmax(-1).mean(2)
        return first(likely * entries.values.float().norm(dim=-1), opening)
