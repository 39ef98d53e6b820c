"""Two runs laid side by side: what is equal, equal within rounding, or differs, and where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from earmark.core.files import Json

RELATIVE = 1e-6
"""Numbers closer than this share of the larger one differ by the order of sums alone."""
ABSOLUTE = 1e-9

SAME = "same"
ROUNDING = "equal within rounding"
DIFFERS = "differs"


@dataclass(frozen=True)
class Difference:
    """A place where two records differ; ``rounding`` if by no more than rounding."""

    place: str
    was: Any
    now: Any
    rounding: bool

    def flat(self) -> Json:
        """Return it as a JSON object."""
        return asdict(self)


def differences(was: Any, now: Any, place: str = "") -> Iterator[Difference]:
    """Yield every place at which two JSON values differ."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in [*was, *(key for key in now if key not in was)]:
            inner = f"{place}.{key}" if place else str(key)
            yield from differences(was.get(key), now.get(key), inner)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif was != now or type(was) is not type(now):
        yield Difference(place, was, now, _rounded(was, now))


def _rounded(was: Any, now: Any) -> bool:
    """Whether both are numbers and close; counts are compared exactly."""
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (was, now))
    if not numbers or (isinstance(was, int) and isinstance(now, int)):
        return False
    return math.isclose(was, now, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def verdict(found: Iterable[Difference]) -> str:
    """Return :data:`SAME`, :data:`ROUNDING` or :data:`DIFFERS`."""
    both = {difference.rounding for difference in found}
    if not both:
        return SAME
    return ROUNDING if both == {True} else DIFFERS
