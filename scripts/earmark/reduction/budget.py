"""How many audio tokens a request keeps: a share of them or a number of them.

Default, for n audio tokens: `max(1, round half up(ratio * n))`, computed on the decimal number the
user wrote, so 0.145 of 100 is 15 and not the 14 binary rounding would give. A number of tokens
keeps that many, or all where there are fewer. Audio of any length keeps at least one token.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from earmark.core.errors import UserError


@dataclass(frozen=True)
class Budget:
    """Exactly one of `ratio` in (0, 1] and `tokens` >= 1.

    Raises:
        UserError: neither or both are given, or the value is out of range.

    """

    ratio: float | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        """Check the range here, once, so that nothing downstream has to."""
        if (self.ratio is None) == (self.tokens is None):
            raise UserError("token budget: give either keep_ratio or keep_tokens, and not both")
        if self.ratio is not None and not (math.isfinite(self.ratio) and 0 < self.ratio <= 1):
            raise UserError(
                f"keep_ratio={self.ratio}: the share of audio tokens kept must be above 0 and at "
                "most 1, for example 0.7 to keep 70 %"
            )
        if self.tokens is not None and (not isinstance(self.tokens, int) or self.tokens < 1):
            raise UserError(f"keep_tokens={self.tokens}: must be a whole number of 1 or more")

    @property
    def drop(self) -> float:
        """The drop ratio as the published code would be given it.

        Rounded to the decimal a user would type, for binary 1 - 0.7 is 0.30000000000000004.

        Raises:
            UserError: the budget is a number of tokens, for which the published code has no form.

        """
        if self.ratio is None:
            raise UserError("reference selection is defined by a ratio: give keep_ratio")
        return round(1 - self.ratio, 12)

    def of(self, length: int) -> int:
        """Tokens kept of `length`, at least 1 unless there is none."""
        if self.tokens is not None:
            return min(self.tokens, length)
        exact = Decimal(repr(float(self.ratio or 0))) * length
        return min(length, max(1, int(exact.to_integral_value(ROUND_HALF_UP))))
