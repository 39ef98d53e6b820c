"""The scores of one estimate, as AudioSep computes them.

A source that is silent has no score: any estimate of it could be given any.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from earmark.core.errors import UserError
from earmark.systems.separation.mono import Wave

_SMALLEST_POWER = 1e-10
_EPSILON = float(np.finfo(np.float32).eps)
_DIGITS = 6


@dataclass(frozen=True)
class Scores:
    """Of one sample, in dB: of the estimate, of the mixture, and what the estimate gained over it."""

    sdr: float
    si_sdr: float
    mixture_sdr: float
    mixture_si_sdr: float
    sdri: float
    si_sdri: float

    def rounded(self) -> Scores:
        """Return them as files hold them."""
        return Scores(*(round(value, _DIGITS) for value in astuple(self)))


def sdr(reference: Wave, estimate: Wave) -> float:
    """Return the power of the reference over that of the error, in dB."""
    true, found = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    power, error = float(np.mean(true**2)), float(np.mean((found - true) ** 2))
    return 10 * float(np.log10(max(power, _SMALLEST_POWER) / max(error, _SMALLEST_POWER)))


def si_sdr(reference: Wave, estimate: Wave) -> float:
    """Return the same after scaling the reference to what of it is in the estimate."""
    true, found = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    kept = (_EPSILON + true @ found) / (true @ true + _EPSILON) * true
    error = found - kept
    return 10 * float(np.log10((_EPSILON + kept @ kept) / (_EPSILON + error @ error)))


def score(reference: Wave, mixture: Wave, estimate: Wave) -> Scores:
    """Return the scores of an estimate.

    Raises:
        UserError: lengths differ, the source is silent, or the estimate is not finite; the sample is then
            counted as failed.

    """
    lengths = {len(each) for each in (reference, mixture, estimate)}
    if len(lengths) > 1:
        raise UserError(f"different lengths ({', '.join(map(str, sorted(lengths)))} samples)")
    if not np.isfinite(estimate).all():
        raise UserError("not finite (the estimate holds samples that are no numbers)")
    if float(np.mean(np.square(reference, dtype=np.float64))) <= _SMALLEST_POWER:
        raise UserError("silent source (there is nothing to separate)")
    found, before = sdr(reference, estimate), sdr(reference, mixture)
    found_si, before_si = si_sdr(reference, estimate), si_sdr(reference, mixture)
    return Scores(found, found_si, before, before_si, found - before, found_si - before_si)
